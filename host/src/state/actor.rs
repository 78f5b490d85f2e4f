//! One actor's life, and the handles that keep it alive.

pub mod checkpoint;
pub mod concurrent_calls;
pub mod lane;
pub mod mailbox;
pub mod migration;
pub mod move_turns;
pub mod names;
pub mod plans;
pub mod unstored;

use std::fmt;
use std::sync::{Arc, Weak};

use self::checkpoint::Saved;
use self::concurrent_calls::ConcurrentCalls;
use self::mailbox::Mailbox;
use self::migration::Moves;
use self::plans::ActorPlans;
use super::object::ObjectRef;
use super::object::store::Reservation;
use super::task::TaskRecord;
use super::task::cancellation::{Stop, StopReason};
use crate::types::capabilities::Capabilities;
use crate::types::error::TaskError;
use crate::types::ids::ActorId;
use crate::types::limits::ACTOR_BYTES;
use crate::types::manifest::ActorTypeInfo;
use crate::types::module_info::ModuleInfo;
use crate::types::options::ActorOptions;
use crate::types::resources::ResourceSet;
use crate::types::sync;
use crate::types::sync::{Mutex, rank};

/// An actor of the host. What runs it holds this; what keeps it alive are the [`ActorRef`]s.
pub struct ActorRecord {
    /// What it is.
    pub spec: ActorSpec,
    /// The calls that wait for it.
    pub mailbox: Mailbox,
    /// Sealed when the constructor has run, or failed.
    pub ready: ObjectRef,
    /// What runs, and in which generation: for whoever kills the actor.
    running: Mutex<Option<(u32, Running)>, { rank::ACTOR }>,
    /// How many calls of each lane of the mailbox it serves at once; none where it serves one at a time.
    pub lanes: Option<Box<[u32]>>,
    /// Of an actor whose type declares checkpoints.
    pub saved: Option<Box<Saved>>,
    /// To other versions of its module.
    pub moves: Moves,
    /// What the host keeps of it as long as anybody does.
    _charge: Option<Reservation>,
    handle: Mutex<Weak<Handle>, { rank::ACTOR }>,
}

/// What an actor does.
#[derive(Clone)]
enum Running {
    /// One call, or the construction.
    Task(Arc<TaskRecord>),
    /// Several calls at once.
    ConcurrentCalls(Arc<ConcurrentCalls>),
    /// Nothing: this start of it was put off, and holds the actor.
    Later(Weak<TaskRecord>),
}

/// What an actor is made from.
pub struct ActorSpec {
    /// The actor.
    pub id: ActorId,
    /// The module that it is a part of.
    pub module: Arc<ModuleInfo>,
    /// Its type's name in the module.
    pub type_name: Arc<str>,
    /// The constructor that makes it.
    pub constructor: Arc<str>,
    /// How it is to live.
    pub options: ActorOptions,
    /// How its calls run.
    pub plans: ActorPlans,
    /// What it may touch.
    pub capabilities: Arc<Capabilities>,
    /// What it holds for its life, once it was started.
    pub holds: ResourceSet,
}

impl ActorSpec {
    /// Bytes that the host keeps of it as long as anybody holds the actor.
    pub fn kept_bytes(&self) -> u64 {
        let names = [&self.options.name, &self.options.namespace].into_iter().flatten().map(|name| name.len() as u64);
        let capabilities = if self.options.call.grants.is_some() { self.capabilities.kept_bytes() } else { 0 };
        // Its names stand in the table of names as well.
        let texts = self.type_name.len() as u64 + self.constructor.len() as u64 + 2 * names.sum::<u64>();
        ACTOR_BYTES + texts + self.options.call.kept_bytes() + capabilities
    }
}

impl ActorRecord {
    /// Another handle, unless the last one is gone.
    pub fn handle(&self) -> Option<ActorRef> {
        self.handle.lock().upgrade().map(ActorRef)
    }

    /// The version of its module that it lives on.
    pub fn module(&self) -> Arc<ModuleInfo> {
        self.moves.home().map_or_else(|| self.spec.module.clone(), |home| home.module.clone())
    }

    /// How often it was started.
    pub fn generation(&self) -> u32 {
        self.mailbox.generation()
    }

    /// This call, or construction, runs now.
    pub fn set_running(&self, task: &Arc<TaskRecord>) {
        self.replace_running(Running::Task(task.clone()));
    }

    /// Several calls run now, which this ends.
    pub fn set_concurrent_calls(&self, concurrent_calls: Arc<ConcurrentCalls>) {
        self.replace_running(Running::ConcurrentCalls(concurrent_calls));
    }

    /// This start of it waits in the queue.
    pub fn set_later(&self, start: &Arc<TaskRecord>) {
        self.replace_running(Running::Later(Arc::downgrade(start)));
    }

    fn replace_running(&self, running: Running) {
        let now = (self.generation(), running);
        let before = self.running.lock().replace(now);
        drop(before);
    }

    /// The call, or construction, that runs or was put off, where that is one.
    pub fn running(&self) -> Option<Arc<TaskRecord>> {
        match &*self.running.lock() {
            Some((_, Running::Task(task))) => Some(task.clone()),
            Some((_, Running::Later(start))) => start.upgrade(),
            _ => None,
        }
    }

    /// The calls that it serves at once, where it serves any.
    pub fn concurrent_calls(&self) -> Option<Arc<ConcurrentCalls>> {
        match &*self.running.lock() {
            Some((_, Running::ConcurrentCalls(concurrent_calls))) => Some(concurrent_calls.clone()),
            _ => None,
        }
    }

    /// Does anybody hold a handle to it?
    pub fn has_handle(&self) -> bool {
        self.handle.lock().strong_count() > 0
    }

    /// Nothing runs now.
    pub fn clear_running(&self) {
        let before = self.running.lock().take();
        drop(before);
    }

    /// Its last state is being saved, which this ends; `None` when that is over.
    pub fn set_saving(&self, saving: Option<Arc<dyn Stop>>) {
        let now = saving.clone();
        if let Some(saved) = &self.saved {
            saved.set_saving(saving);
        }
        // A kill that came before.
        if let Some(saving) = now.filter(|_| self.mailbox.kill_pending()) {
            saving.stop(StopReason::ActorKilled);
        }
    }

    /// Ends it, whatever it does; with `restart` it starts again if it may, and one that is starting is left to it. Where a
    /// `generation` is given, only that one is meant. False if nothing was hit.
    pub fn kill(&self, restart: bool, generation: Option<u32>) -> bool {
        let Some(hit) = self.mailbox.kill(restart, generation) else {
            return false;
        };
        let running = self.running.lock().clone();
        match running.filter(|(generation, _)| *generation == hit) {
            Some((_, Running::Task(task))) => task.stop_attempt(StopReason::ActorKilled),
            Some((_, Running::ConcurrentCalls(concurrent_calls))) => {
                concurrent_calls.stop(StopReason::ActorKilled);
            }
            Some((_, Running::Later(start))) => start.upgrade().iter().for_each(|start| start.killed()),
            None => {}
        }
        if let Some(saving) = self.saved.as_ref().and_then(|saved| saved.saving()) {
            saving.stop(StopReason::ActorKilled);
        }
        true
    }
}

impl fmt::Debug for ActorRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRecord({} {})", self.spec.id, self.spec.type_name)
    }
}

/// A counted handle to an actor. When the last one is dropped, the actor serves the calls that wait, and ends.
#[derive(Clone)]
pub struct ActorRef(Arc<Handle>);

struct Handle {
    actor: Arc<ActorRecord>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The actor ends, and wants a thread for that.
        sync::assert_unlocked("a handle of an actor");
        self.actor.mailbox.close();
    }
}

impl ActorRef {
    /// An actor and its first handle.
    pub(crate) fn new(
        spec: ActorSpec,
        pending_calls_max: usize,
        ready: ObjectRef,
        charge: Option<Reservation>,
    ) -> Self {
        let declared = spec.module.actor(&spec.type_name);
        let checkpoint = declared.and_then(|declared| declared.checkpoint);
        let lanes =
            declared.filter(|declared| declared.serves_several()).map(|declared| lanes(declared, &spec.options));
        let restarts = spec.options.max_restarts.unwrap_or(0);
        let actor = Arc::new(ActorRecord {
            saved: checkpoint.map(|every| Box::new(Saved::new(every))),
            spec,
            mailbox: Mailbox::new(pending_calls_max, lanes.as_deref().unwrap_or(&[1]), restarts),
            lanes,
            ready,
            moves: Moves::default(),
            _charge: charge,
            running: Mutex::new(None),
            handle: Mutex::new(Weak::new()),
        });
        let handle = Arc::new(Handle { actor: actor.clone() });
        *actor.handle.lock() = Arc::downgrade(&handle);
        ActorRef(handle)
    }

    /// An actor that never lived, and stands for all that were refused for this reason.
    pub(crate) fn dead(module: Arc<ModuleInfo>, type_name: Arc<str>, ready: ObjectRef, why: Arc<TaskError>) -> Self {
        let spec = ActorSpec {
            id: ActorId(0),
            module,
            constructor: type_name.clone(),
            type_name,
            options: ActorOptions::default(),
            plans: ActorPlans::default(),
            capabilities: Arc::default(),
            holds: ResourceSet::default(),
        };
        let actor = ActorRef::new(spec, 0, ready, None);
        actor.record().moves.end(&why);
        actor.record().mailbox.die(why);
        actor
    }

    /// The actor's number.
    pub fn id(&self) -> ActorId {
        self.0.actor.spec.id
    }

    /// The actor's type, as its module declares it.
    pub fn type_name(&self) -> &str {
        &self.0.actor.spec.type_name
    }

    /// The name that it can be found by.
    pub fn name(&self) -> Option<&str> {
        self.0.actor.spec.options.name.as_deref()
    }

    /// How often it was started; 1 for the first time, 0 before.
    pub fn generation(&self) -> u32 {
        self.0.actor.generation()
    }

    pub(crate) fn record(&self) -> &Arc<ActorRecord> {
        &self.0.actor
    }
}

/// How many calls are served at once: of the methods that are in no group, and of each group.
fn lanes(declared: &ActorTypeInfo, options: &ActorOptions) -> Box<[u32]> {
    let groups = declared.groups.iter().map(|group| group.max_concurrency);
    [options.max_concurrency.unwrap_or(1)].into_iter().chain(groups).collect()
}

impl fmt::Debug for ActorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({} {})", self.id(), self.type_name())
    }
}
