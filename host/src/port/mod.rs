//! The door between a guest's host calls and the runtime. The scheduler runs guests and guests submit to the scheduler;
//! the circle is cut here: whoever calls sees a [`Port`], never what is behind it.

pub mod begun;
pub mod log;
pub mod waiting;

use std::any::Any;
use std::sync::Arc;

use futures::future::BoxFuture;
use tracing::Level;

use crate::state::actor::ActorRef;
use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::deadlock::blocked_on::Wait;
use crate::state::object::ObjectRef;
use crate::state::object::gathering::Gathering;
use crate::state::object::payload::{Argument, Encoding};
use crate::state::object::store::ObjectStore;
use crate::state::object::stream::StreamRef;
use crate::state::queue::room::Place;
use crate::state::task::TaskRecord;
use crate::types::clock::Clock;
use crate::types::error::TaskError;
use crate::types::event::EventKind;
use crate::types::manifest::ModuleInfo;
use crate::types::options::{ActorOptions, Address, TaskOptions};
pub use begun::Begun;
use log::{LogLine, LogSource};

/// A task to submit.
pub struct TaskRequest {
    /// The module.
    pub module: Arc<ModuleInfo>,
    /// The function's name.
    pub function: Arc<str>,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// What the call says; the declaration is added by the runtime.
    pub options: TaskOptions,
    /// How the result is to be encoded.
    pub reply: Encoding,
    /// The place among the pending tasks that it waited for, if it did.
    pub place: Option<Place>,
}

/// An actor to create.
pub struct ActorRequest {
    /// The module.
    pub module: Arc<ModuleInfo>,
    /// The actor's type.
    pub type_name: Arc<str>,
    /// The constructor's name.
    pub constructor: Arc<str>,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// What the call says; the declaration is added by the runtime.
    pub options: ActorOptions,
}

/// A call to make.
pub struct CallRequest {
    /// The actor.
    pub actor: ActorRef,
    /// The method's name.
    pub method: Arc<str>,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// What the call says; the declaration is added by the runtime.
    pub options: TaskOptions,
    /// How the result is to be encoded.
    pub reply: Encoding,
    /// The place among the pending tasks that it waited for, if it did.
    pub place: Option<Place>,
}

/// What the runtime does for a guest, and for the embedder. `caller` is the task that asks; `None` is the embedder. What is submitted
/// or created waits where the store has no room for it.
pub trait Port: Send + Sync {
    /// Submits a task. What is wrong with it becomes the error of the object.
    fn submit(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef>;

    /// Creates an actor. What is wrong with it becomes the error of its calls.
    fn create_actor(&self, request: ActorRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ActorRef>;

    /// Calls an actor. What is wrong with it becomes the error of the object.
    fn call_actor(&self, request: CallRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef>;

    /// Submits a task that gives its results one after the other. What is wrong with it becomes the error of the first.
    fn submit_stream(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef>;

    /// Calls such a method.
    fn call_stream(&self, request: CallRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef>;

    /// Has an actor move to the version of its module that is there now, before its next call. The object is ready when it has, and
    /// its error is why it did not.
    fn move_actor(&self, actor: &ActorRef) -> ObjectRef;

    /// Finds the actor that a task means by a name: of its own module, or else of those that it is granted.
    ///
    /// # Errors
    /// `ActorNotFound`, or `CapabilityDenied` to a pure task.
    fn find_actor(&self, name: &Address, caller: &TaskRecord) -> Result<ActorRef, TaskError>;

    /// Cancels the task that makes an object.
    fn cancel(&self, object: &ObjectRef, force: bool, recursive: bool);

    /// The object store.
    fn store(&self) -> &Arc<ObjectStore>;

    /// Waits for the values of objects, those that were spilled read back, and for so many `bytes` of room in the store: all of it at
    /// once, or nothing. It counts for this task, or for the embedder; dropping what this gives asks for nothing any more.
    fn gather(&self, objects: Vec<ObjectRef>, bytes: u64, task: Option<&TaskRecord>) -> Gathering;

    /// The host's time.
    fn clock(&self) -> &Arc<dyn Clock>;

    /// A line for the host's log. It never waits: a guest asks for [room](Self::has_log_room) before.
    fn log(&self, owner: u64, line: LogLine);

    /// May a guest write another line?
    fn has_log_room(&self, owner: u64) -> bool;

    /// Ends when it may.
    fn log_room(&self, owner: u64) -> BoxFuture<'static, ()>;

    /// Lets go of the state of an embedder's imports: what its end does is the embedder's, and may panic or take long.
    fn let_go(&self, state: Vec<Box<dyn Any + Send>>);

    /// The host has something to say that is no guest's.
    fn say(&self, level: Level, text: String);

    /// These bytes are about to go straight to the process's own stream.
    fn inherited(&self, source: LogSource, bytes: &[u8]);

    /// Something happened to the task that only its guest's own calls tell.
    fn happened(&self, task: &TaskRecord, kind: EventKind);

    /// The task waits, and gives its CPU slot back. What it waits for is told if only another task can end the wait.
    fn pause(&self, task: &Arc<TaskRecord>, wait: Option<Wait>);

    /// It goes on. `alone` if only another task could end the wait.
    fn resume(&self, task: &TaskRecord, alone: bool);

    /// A guest that serves several calls at once has nothing to do until the wait is over or somebody calls it.
    fn rest(&self, concurrent_calls: &Arc<ConcurrentCalls>, wait: Wait);

    /// It has something to do.
    fn rise(&self, concurrent_calls: &ConcurrentCalls);
}
