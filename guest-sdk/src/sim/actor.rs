//! Actors: their mailboxes, and the handles that keep them alive.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};

use super::arguments::Kept;
use super::exports::ActorType;
use super::frame::Frame;
use super::job::Job;
use super::mailbox::{self, Lanes};
use super::names::Address;
use super::object::{Object, Stored};
use super::sync::lock;
use super::types::{ActorOptions, ErrorKind, TaskError};
use super::world::{Left, World};

/// Calls that may wait for one actor that says nothing, as on a host.
const PENDING_CALLS_MAX: usize = 100_000;

/// What it is, and the calls that wait for it.
pub(crate) struct Actor {
    pub(super) id: u64,
    pub(super) type_name: String,
    pub(super) constructor: String,
    /// None of a type that does not exist.
    pub(super) declared: Option<&'static ActorType>,
    pub(super) options: ActorOptions,
    /// Of a type that serves several calls at once: how many of each lane.
    pub(super) room: Option<Box<[usize]>>,
    /// Sealed when the constructor has run, or failed.
    pub(super) ready: Arc<Object>,
    handle: Mutex<Weak<Handle>>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    calls: Lanes,
    /// Kept for another construction.
    arguments: Vec<Kept>,
    generation: u32,
    /// Where it lives, and what it is at: the constructor, a call, or none.
    frame: Option<Arc<Frame>>,
    running: Option<Arc<Job>>,
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
    state: Option<Stored>,
}

/// What an actor has to do next.
pub(super) enum Event {
    Call(Arc<Job>),
    Kill { restart: bool },
    Exit,
    Closed,
}

/// Counted. With the last one the actor serves the calls that wait, and ends.
pub(crate) struct Handle {
    pub(super) actor: Arc<Actor>,
    world: Weak<World>,
}

impl Actor {
    /// One that is to be constructed, and its first handle.
    pub(super) fn with_handle(
        world: &Arc<World>,
        (type_name, constructor): (&str, &str),
        declared: Option<&'static ActorType>,
        options: ActorOptions,
    ) -> Arc<Handle> {
        let room = mailbox::room(declared, &options);
        let calls = Lanes::new(room.as_deref().unwrap_or(&[1]));
        let actor = Arc::new(Self {
            id: world.number(),
            type_name: type_name.to_owned(),
            constructor: constructor.to_owned(),
            declared,
            options,
            room,
            ready: world.promise(),
            handle: Mutex::default(),
            inner: Mutex::new(Inner { calls, ..Inner::default() }),
        });
        let handle = Arc::new(Handle { actor: actor.clone(), world: Arc::downgrade(world) });
        *lock(&actor.handle) = Arc::downgrade(&handle);
        handle
    }

    /// Another handle, unless the last one is gone or the actor is dead.
    pub(super) fn handle(&self) -> Option<Arc<Handle>> {
        if self.death().is_some() { None } else { lock(&self.handle).upgrade() }
    }

    /// What it can be found by.
    pub(super) fn address(&self) -> Option<Address> {
        Address::of(&self.options)
    }

    /// Its name, or its type's.
    pub(super) fn name(&self) -> &str {
        self.options.name.as_deref().unwrap_or(&self.type_name)
    }

    pub(super) fn generation(&self) -> u32 {
        lock(&self.inner).generation
    }

    pub(super) fn death(&self) -> Option<Arc<TaskError>> {
        lock(&self.inner).dead.clone()
    }

    pub(super) fn frame(&self) -> Option<Arc<Frame>> {
        lock(&self.inner).frame.clone()
    }

    pub(super) fn running(&self) -> Option<Arc<Job>> {
        lock(&self.inner).running.clone()
    }

    pub(super) fn set_running(&self, job: Option<&Arc<Job>>) {
        let before = std::mem::replace(&mut lock(&self.inner).running, job.cloned());
        drop(before);
    }

    /// The call of the same submitter that holds up this one.
    pub(super) fn held_up_by(&self, call: &Arc<Job>) -> Option<Arc<Job>> {
        lock(&self.inner).calls.held_up_by(self.lane_of(call), call).cloned()
    }

    /// Puts a call at the end.
    pub(super) fn push(&self, call: &Arc<Job>) -> Result<(), TaskError> {
        let mut inner = lock(&self.inner);
        let max = self.options.max_pending_calls.map_or(PENDING_CALLS_MAX, |max| max as usize).min(PENDING_CALLS_MAX);
        if inner.calls.waiting() >= max {
            let text = format!("{max} calls wait for the actor already: await some of them first");
            return Err(super::error::new(ErrorKind::PendingCallsLimitExceeded, text));
        }
        inner.calls.push(self.lane_of(call), call);
        Ok(())
    }

    /// Puts a call back that is to be served once more.
    pub(super) fn push_first(&self, call: &Arc<Job>) {
        lock(&self.inner).calls.push_first(self.lane_of(call), call);
    }

    /// What it has to do next, if anything.
    pub(super) fn next(&self) -> Option<Event> {
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
    pub(super) fn next_beside(&self, has_room: impl Fn(usize) -> bool) -> Option<Arc<Job>> {
        let mut inner = lock(&self.inner);
        if inner.kill.is_some() || inner.exit { None } else { inner.calls.next(has_room) }
    }

    /// The lane that a call waits in.
    pub(super) fn lane_of(&self, call: &Job) -> usize {
        if self.room.is_some() { mailbox::lane_of(self.declared, call.method()) } else { 0 }
    }

    /// It is started once more, in this frame; gives how often that was.
    pub(super) fn starts(&self, frame: &Arc<Frame>) -> u32 {
        let mut inner = lock(&self.inner);
        (inner.serving, inner.exit, inner.kill) = (false, false, None);
        inner.frame = Some(frame.clone());
        inner.generation += 1;
        inner.generation
    }

    /// The constructor has run.
    pub(super) fn serves(&self) {
        lock(&self.inner).serving = true;
    }

    /// It has left its frame.
    pub(super) fn leaves(&self) {
        let mut inner = lock(&self.inner);
        inner.serving = false;
        (inner.frame, inner.running) = (None, None);
    }

    /// May it start again after this generation?
    pub(super) fn may_restart(&self, generation: u32) -> bool {
        generation <= self.options.max_restarts.unwrap_or(0)
    }

    pub(super) fn keep_arguments(&self, arguments: Vec<Kept>) {
        let before = std::mem::replace(&mut lock(&self.inner).arguments, arguments);
        drop(before);
    }

    pub(super) fn arguments(&self) -> Vec<Kept> {
        lock(&self.inner).arguments.clone()
    }

    /// Notes that it is to end. False where that hits nothing: another generation is meant, or one that serves.
    pub(super) fn notes_kill(&self, restart: bool, generation: Option<u32>) -> bool {
        let mut inner = lock(&self.inner);
        let meant = generation.is_none_or(|meant| meant == inner.generation && meant > 0);
        if !meant || inner.dead.is_some() || (restart && !inner.serving) {
            return false;
        }
        inner.kill = Some(inner.kill.map_or(restart, |other| other && restart));
        true
    }

    /// Is it to start again?
    pub(super) fn restart_pending(&self) -> bool {
        lock(&self.inner).kill == Some(true)
    }

    pub(super) fn kill_pending(&self) -> bool {
        lock(&self.inner).kill.is_some()
    }

    /// An error that ends it, as its calls see it: a kill after which it starts again is a crash.
    pub(super) fn killed_to_restart(&self, error: TaskError, may_restart: bool) -> TaskError {
        match error.kind {
            ErrorKind::ActorDied if may_restart && self.restart_pending() => {
                super::error::new(ErrorKind::WorkerCrashed, "it was killed, to start again".to_owned())
            }
            _ => error,
        }
    }

    pub(super) fn exits(&self) {
        lock(&self.inner).exit = true;
    }

    /// No call will come any more.
    pub(super) fn closes(&self) {
        lock(&self.inner).closing = true;
    }

    /// It is dead; gives the calls that nobody will serve. The first cause stays.
    pub(super) fn dies(&self, cause: &Arc<TaskError>) -> Vec<Arc<Job>> {
        let mut inner = lock(&self.inner);
        inner.dead.get_or_insert(cause.clone());
        inner.arguments = Vec::new();
        inner.calls.take()
    }

    /// Does its type declare checkpoints?
    pub(super) fn is_saved(&self) -> bool {
        self.declared.is_some_and(|declared| declared.checkpoint.is_some())
    }

    pub(super) fn asks_for_save(&self) {
        lock(&self.inner).saved.asked = true;
    }

    /// A call was served. True if the state is to be saved.
    pub(super) fn save_is_due(&self) -> bool {
        let every = self.declared.and_then(|declared| declared.checkpoint).unwrap_or(0);
        let saved = &mut lock(&self.inner).saved;
        saved.calls += 1;
        let due = saved.asked || (every > 0 && saved.calls >= every);
        if due {
            (saved.asked, saved.calls) = (false, 0);
        }
        due
    }

    pub(super) fn keep_state(&self, state: Option<Stored>) {
        lock(&self.inner).saved.state = state;
    }

    pub(super) fn state(&self) -> Option<Stored> {
        lock(&self.inner).saved.state.clone()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Not here: the last handle may be in a value that is dropped anywhere.
        if let Some(world) = self.world.upgrade() {
            world.left(Left::Actor(self.actor.clone()));
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({} {})", self.actor.id, self.actor.type_name)
    }
}
