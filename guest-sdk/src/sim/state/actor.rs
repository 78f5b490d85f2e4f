//! Actors: what each is at, and the calls that wait for it.

use std::sync::{Arc, Mutex, Weak};

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::state::actor_ref::{ActorRef, Handle};
use crate::sim::state::actor_spec::ActorSpec;
use crate::sim::state::arguments::Held;
use crate::sim::state::let_go::LetGoList;
use crate::sim::state::mailbox::Mailbox;
use crate::sim::state::object::{Object, Value};
use crate::sim::state::task::TaskRecord;
use crate::sim::sync::lock;

/// Calls that may wait for one actor that says nothing, as on a host.
const PENDING_CALLS_MAX: usize = 100_000;

/// What it is, and what it is at.
pub(crate) struct ActorRecord {
    pub(crate) spec: Arc<ActorSpec>,
    /// Sealed when the constructor has run, or failed.
    pub(crate) ready: Arc<Object>,
    handle: Weak<Handle>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    calls: Mailbox,
    /// Held for another construction.
    arguments: Vec<Held>,
    generation: u32,
    /// Where it lives, and what it is at: the constructor, a call, or none.
    instance: Option<u64>,
    running: Option<Arc<TaskRecord>>,
    serving: bool,
    /// It is to end, or with `true` to start again.
    kill: Option<bool>,
    exit: bool,
    closing: bool,
    dead: Option<Arc<TaskError>>,
    saved: Saved,
}

/// Its checkpoints.
#[derive(Default)]
struct Saved {
    asked: bool,
    calls: u32,
    state: Option<Value>,
}

/// What an actor has to do next.
pub(crate) enum Event {
    Call(Arc<TaskRecord>),
    Kill { restart: bool },
    Exit,
    Closed,
}

impl ActorRecord {
    /// One that is to be constructed, and its first handle.
    pub(crate) fn new(spec: ActorSpec, ready: Arc<Object>, let_go: &Arc<LetGoList>) -> (Arc<Self>, ActorRef) {
        let calls = Mailbox::new(spec.room.as_deref().unwrap_or(&[1]));
        let inner = Mutex::new(Inner { calls, ..Inner::default() });
        let spec = Arc::new(spec);
        let handle = Handle::new(&spec, let_go);
        (Arc::new(Self { spec, ready, handle: Arc::downgrade(&handle), inner }), ActorRef(handle))
    }

    /// Another handle, unless the last one is gone or the actor is dead.
    pub(crate) fn handle(&self) -> Option<ActorRef> {
        if self.death().is_some() { None } else { self.handle.upgrade().map(ActorRef) }
    }

    pub(crate) fn generation(&self) -> u32 {
        lock(&self.inner).generation
    }

    pub(crate) fn death(&self) -> Option<Arc<TaskError>> {
        lock(&self.inner).dead.clone()
    }

    pub(crate) fn instance(&self) -> Option<u64> {
        lock(&self.inner).instance
    }

    pub(crate) fn running(&self) -> Option<Arc<TaskRecord>> {
        lock(&self.inner).running.clone()
    }

    pub(crate) fn set_running(&self, task: Option<&Arc<TaskRecord>>) {
        let before = std::mem::replace(&mut lock(&self.inner).running, task.cloned());
        drop(before);
    }

    /// The call of the same submitter that holds up this one.
    pub(crate) fn held_up_by(&self, call: &Arc<TaskRecord>) -> Option<Arc<TaskRecord>> {
        lock(&self.inner).calls.held_up_by(self.spec.lane_of(call.method()), call).cloned()
    }

    /// Puts a call at the end.
    pub(crate) fn push(&self, call: &Arc<TaskRecord>) -> Result<(), TaskError> {
        let mut inner = lock(&self.inner);
        let max =
            self.spec.options.max_pending_calls.map_or(PENDING_CALLS_MAX, |max| max as usize).min(PENDING_CALLS_MAX);
        if inner.calls.waiting() >= max {
            let text = format!("{max} calls wait for the actor already: await some of them first");
            return Err(crate::sim::error::new(ErrorKind::PendingCallsLimitExceeded, text));
        }
        inner.calls.push(self.spec.lane_of(call.method()), call);
        Ok(())
    }

    /// Puts a call back that is to be served once more.
    pub(crate) fn push_first(&self, call: &Arc<TaskRecord>) {
        lock(&self.inner).calls.push_first(self.spec.lane_of(call.method()), call);
    }

    /// What it has to do next, if anything.
    pub(crate) fn next(&self) -> Option<Event> {
        let mut inner = lock(&self.inner);
        if let Some(restart) = inner.kill.take() {
            return Some(Event::Kill { restart });
        }
        if inner.exit {
            return Some(Event::Exit);
        }
        match inner.calls.next(|_| true) {
            Some(call) => Some(Event::Call(call)),
            None => (inner.closing && inner.calls.is_empty()).then_some(Event::Closed),
        }
    }

    /// Another call beside those that it serves, from a lane that has room; none where it is to end as soon as it has
    /// served them.
    pub(crate) fn next_beside(&self, has_room: impl Fn(usize) -> bool) -> Option<Arc<TaskRecord>> {
        let mut inner = lock(&self.inner);
        if inner.kill.is_some() || inner.exit { None } else { inner.calls.next(has_room) }
    }

    /// It is started once more, in this instance; gives how often that was.
    pub(crate) fn starts(&self, instance: u64) -> u32 {
        let mut inner = lock(&self.inner);
        (inner.serving, inner.exit, inner.kill) = (false, false, None);
        inner.instance = Some(instance);
        inner.generation += 1;
        inner.generation
    }

    /// The constructor has run.
    pub(crate) fn serves(&self) {
        lock(&self.inner).serving = true;
    }

    /// It has left its instance.
    pub(crate) fn leaves(&self) {
        let mut inner = lock(&self.inner);
        inner.serving = false;
        (inner.instance, inner.running) = (None, None);
    }

    pub(crate) fn keep_arguments(&self, arguments: Vec<Held>) {
        let before = std::mem::replace(&mut lock(&self.inner).arguments, arguments);
        drop(before);
    }

    pub(crate) fn arguments(&self) -> Vec<Held> {
        lock(&self.inner).arguments.clone()
    }

    /// Notes that it is to end. False where that hits nothing: another generation is meant, or one that serves.
    pub(crate) fn notes_kill(&self, restart: bool, generation: Option<u32>) -> bool {
        let mut inner = lock(&self.inner);
        let meant = generation.is_none_or(|meant| meant == inner.generation && meant > 0);
        if !meant || inner.dead.is_some() || (restart && !inner.serving) {
            return false;
        }
        inner.kill = Some(inner.kill.map_or(restart, |other| other && restart));
        true
    }

    /// Is it to start again?
    pub(crate) fn restart_pending(&self) -> bool {
        lock(&self.inner).kill == Some(true)
    }

    pub(crate) fn kill_pending(&self) -> bool {
        lock(&self.inner).kill.is_some()
    }

    /// An error that ends it, as its calls see it: a kill after which it starts again is a crash.
    pub(crate) fn killed_to_restart(&self, error: TaskError, may_restart: bool) -> TaskError {
        match error.kind {
            ErrorKind::ActorDied if may_restart && self.restart_pending() => {
                crate::sim::error::new(ErrorKind::WorkerCrashed, "it was killed, to start again".to_owned())
            }
            _ => error,
        }
    }

    pub(crate) fn exits(&self) {
        lock(&self.inner).exit = true;
    }

    /// Nobody holds a handle any more: no call will come.
    pub(crate) fn closes(&self) {
        lock(&self.inner).closing = true;
    }

    /// Is nobody left who holds a handle?
    pub(crate) fn is_closing(&self) -> bool {
        lock(&self.inner).closing
    }

    /// It is dead; gives the calls that nobody will serve. The first cause stays.
    pub(crate) fn dies(&self, cause: &Arc<TaskError>) -> Vec<Arc<TaskRecord>> {
        let mut inner = lock(&self.inner);
        inner.dead.get_or_insert(cause.clone());
        inner.arguments = Vec::new();
        inner.calls.take()
    }

    pub(crate) fn asks_for_save(&self) {
        lock(&self.inner).saved.asked = true;
    }

    /// A call was served. True if the state is to be saved.
    pub(crate) fn save_is_due(&self) -> bool {
        let every = self.spec.saved_every();
        let saved = &mut lock(&self.inner).saved;
        saved.calls += 1;
        let due = saved.asked || (every > 0 && saved.calls >= every);
        if due {
            (saved.asked, saved.calls) = (false, 0);
        }
        due
    }

    pub(crate) fn keep_state(&self, state: Option<Value>) {
        lock(&self.inner).saved.state = state;
    }

    pub(crate) fn state(&self) -> Option<Value> {
        lock(&self.inner).saved.state.clone()
    }
}
