//! What tasks and the embedder ask of the runtime about tasks.

use std::sync::Arc;

use super::begun::Begun;
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Argument, Encoding};
use crate::state::object::stream::StreamRef;
use crate::state::queue::room::Place;
use crate::state::task::TaskRecord;
use crate::types::module_info::ModuleInfo;
use crate::types::options::TaskOptions;

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

/// Submits and cancels tasks. `caller` is the task that asks; `None` is the embedder. What is submitted waits where the store has no
/// room for it.
pub trait TaskPort: Send + Sync {
    /// Submits a task. What is wrong with it becomes the error of the object.
    fn submit(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<ObjectRef>;

    /// Submits a task that gives its results one after the other. What is wrong with it becomes the error of the first.
    fn submit_stream(&self, request: TaskRequest, caller: Option<&Arc<TaskRecord>>) -> Begun<StreamRef>;

    /// Cancels the task that makes an object.
    fn cancel(&self, object: &ObjectRef, force: bool, recursive: bool);
}
