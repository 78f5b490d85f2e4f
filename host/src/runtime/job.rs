//! What the threads that run guests are given to run.

use async_task::Runnable;

use crate::types::ids::{ActorId, ModuleId};

/// A future that wants a thread.
pub(super) type Job = Runnable<Tag>;

/// What is known of a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// Higher first.
    pub priority: i32,
    /// Whose turn it uses.
    pub module: ModuleId,
    /// The actor whose life it is.
    pub actor: Option<ActorId>,
}
