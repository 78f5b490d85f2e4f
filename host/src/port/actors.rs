//! What tasks and the embedder ask of the runtime about actors.

use std::sync::Arc;

use super::begun::Begun;
use crate::state::actor::ActorRef;
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Argument, Encoding};
use crate::state::object::stream::StreamRef;
use crate::state::queue::room::Place;
use crate::state::task::TaskRecord;
use crate::types::error::TaskError;
use crate::types::module_info::ModuleInfo;
use crate::types::options::{ActorOptions, Address, TaskOptions};

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

/// Creates, finds and calls actors. `caller` is the task that asks; `None` is the embedder. What is created or called waits where the store
/// has no room for it.
pub trait ActorPort: Send + Sync {
    /// Creates an actor. What is wrong with it becomes the error of its calls.
    fn create_actor(&self, request: ActorRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ActorRef>;

    /// Calls an actor. What is wrong with it becomes the error of the object.
    fn call_actor(&self, request: CallRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef>;

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
}
