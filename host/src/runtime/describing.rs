//! What a module can ask of the host while it tells what it offers: nothing.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use tracing::Level;

use crate::port::log::{LogLine, LogSource};
use crate::port::{
    ActorPort, ActorRequest, Begun, CallRequest, ObjectPort, OutputPort, Port, TaskPort, TaskRequest, WaitPort,
};
use crate::state::actor::ActorRef;
use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::deadlock::blocked_on::Wait;
use crate::state::object::ObjectRef;
use crate::state::object::gathering::Gathering;
use crate::state::object::store::ObjectStore;
use crate::state::object::stream::StreamRef;
use crate::state::task::TaskRecord;
use crate::types::clock::Clock;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::event::EventKind;
use crate::types::options::Address;

/// The port of a module that is being loaded. It reaches no actor and submits nothing, has a store without room, and
/// holds no permit that a wait could give back.
pub struct NobodyHome {
    host: Arc<dyn Port>,
    store: Arc<ObjectStore>,
    /// What everything gives, however often it is asked for.
    refused: ObjectRef,
    actor: OnceLock<ActorRef>,
}

impl NobodyHome {
    /// With the host's clock and log alone.
    pub fn new(host: Arc<dyn Port>) -> Arc<Self> {
        let store = ObjectStore::new(0);
        let refused = store.failed(Arc::new(refusal()));
        Arc::new(NobodyHome { host, store, refused, actor: OnceLock::new() })
    }

    fn refused(&self) -> ObjectRef {
        self.refused.clone()
    }
}

fn refusal() -> TaskError {
    TaskError::new(ErrorKind::CapabilityDenied, "a module that is being loaded can only tell what it offers")
}

impl TaskPort for NobodyHome {
    fn submit(&self, _request: TaskRequest, _caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef> {
        Begun::Done(self.refused())
    }

    fn submit_stream(&self, _request: TaskRequest, _caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef> {
        Begun::Done(StreamRef::failed(self.refused(), &self.store))
    }

    fn cancel(&self, _object: &ObjectRef, _force: bool, _recursive: bool) {}
}

impl ActorPort for NobodyHome {
    fn create_actor(&self, request: ActorRequest, _caller: Option<&Arc<TaskRecord>>) -> Begun<ActorRef> {
        let refused = || ActorRef::dead(request.module, request.type_name, self.refused(), Arc::new(refusal()));
        Begun::Done(self.actor.get_or_init(refused).clone())
    }

    fn call_actor(&self, _request: CallRequest, _caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef> {
        Begun::Done(self.refused())
    }

    fn call_stream(&self, _request: CallRequest, _caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef> {
        Begun::Done(StreamRef::failed(self.refused(), &self.store))
    }

    fn move_actor(&self, _actor: &ActorRef) -> ObjectRef {
        self.refused()
    }

    fn find_actor(&self, _name: &Address, _caller: &TaskRecord) -> Result<ActorRef, TaskError> {
        Err(refusal())
    }
}

impl ObjectPort for NobodyHome {
    fn store(&self) -> &Arc<ObjectStore> {
        &self.store
    }

    fn gather(&self, objects: Vec<ObjectRef>, bytes: u64, _task: Option<&TaskRecord>) -> Gathering {
        Gathering::refused(objects, bytes, &Arc::new(refusal()))
    }
}

impl WaitPort for NobodyHome {
    fn clock(&self) -> &Arc<dyn Clock> {
        self.host.clock()
    }

    fn block(&self, _task: &Arc<TaskRecord>, _wait: Option<Wait>) {}

    fn unblock(&self, _task: &TaskRecord, _alone: bool) {}

    fn block_calls(&self, _concurrent_calls: &Arc<ConcurrentCalls>, _wait: Wait) {}

    fn unblock_calls(&self, _concurrent_calls: &ConcurrentCalls) {}
}

impl OutputPort for NobodyHome {
    fn log(&self, owner: u64, line: LogLine) {
        self.host.log(owner, line);
    }

    fn has_log_room(&self, owner: u64) -> bool {
        self.host.has_log_room(owner)
    }

    fn log_room(&self, owner: u64) -> BoxFuture<'static, ()> {
        self.host.log_room(owner)
    }

    fn say(&self, level: Level, text: String) {
        self.host.say(level, text);
    }

    fn inherited(&self, source: LogSource, bytes: &[u8]) {
        self.host.inherited(source, bytes);
    }

    fn emit(&self, _task: &TaskRecord, _kind: EventKind) {}

    fn let_go(&self, state: Vec<Box<dyn Any + Send>>) {
        self.host.let_go(state);
    }
}
