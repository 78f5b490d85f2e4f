//! One actor's life, and the handles that keep it alive.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::mailbox::Mailbox;
use super::object::ObjectRef;
use super::slot::{Stop, StopReason};
use crate::words::capabilities::Capabilities;
use crate::words::ids::ActorId;
use crate::words::manifest::ModuleInfo;
use crate::words::options::ActorOptions;
use crate::words::plan::CallPlans;

/// An actor of the host. What runs it holds this; what keeps it alive are the [`ActorRef`]s.
pub struct ActorRecord {
    /// What it is.
    pub spec: ActorSpec,
    /// The calls that wait for it.
    pub mailbox: Mailbox,
    /// Sealed when the constructor has run, or failed.
    pub ready: ObjectRef,
    /// How often it was started.
    generation: AtomicU32,
    /// The call that runs, for whoever kills the actor.
    running: Mutex<Option<Arc<dyn Stop>>>,
    handle: Mutex<Weak<Handle>>,
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
    pub calls: Arc<CallPlans>,
    /// What it may touch.
    pub capabilities: Arc<Capabilities>,
}

impl ActorRecord {
    /// Another handle, unless the last one is gone.
    pub fn handle(&self) -> Option<ActorRef> {
        self.handle.lock().upgrade().map(ActorRef)
    }

    /// How often it was started.
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// It is started once more.
    pub fn next_generation(&self) -> u32 {
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// This call runs now; `None` for none.
    pub fn set_running(&self, call: Option<Arc<dyn Stop>>) {
        *self.running.lock() = call;
    }

    /// Ends it, whatever it does; with `restart` it starts again if it may.
    pub fn kill(&self, restart: bool) {
        self.mailbox.kill(restart);
        let running = self.running.lock().clone();
        if let Some(call) = running {
            call.stop(StopReason::ActorKilled);
        }
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
        self.actor.mailbox.close();
    }
}

impl ActorRef {
    /// An actor and its first handle.
    pub(crate) fn new(spec: ActorSpec, pending_calls_max: usize, ready: ObjectRef) -> Self {
        let actor = Arc::new(ActorRecord {
            spec,
            mailbox: Mailbox::new(pending_calls_max),
            ready,
            generation: AtomicU32::new(0),
            running: Mutex::new(None),
            handle: Mutex::new(Weak::new()),
        });
        let handle = Arc::new(Handle { actor: actor.clone() });
        *actor.handle.lock() = Arc::downgrade(&handle);
        ActorRef(handle)
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

impl fmt::Debug for ActorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({} {})", self.id(), self.type_name())
    }
}
