//! What the runtime has to know of guests that wait.

use std::sync::Arc;

use super::objects::ObjectPort;
use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::deadlock::blocked_on::Wait;
use crate::state::task::TaskRecord;
use crate::types::clock::Clock;

/// The host's time, and what its scheduler has to know of a guest that waits.
pub trait WaitPort: ObjectPort {
    /// The host's time.
    fn clock(&self) -> &Arc<dyn Clock>;

    /// The task blocks and releases its CPU slot. `wait` is set only if nothing but another task can end it: the deadlock detector uses it.
    fn block(&self, task: &Arc<TaskRecord>, wait: Option<Wait>);

    /// The task goes on. `alone` if nothing but another task could end the wait.
    fn unblock(&self, task: &TaskRecord, alone: bool);

    /// An actor that serves several calls at once has nothing to do until the wait is over or somebody calls it.
    fn block_calls(&self, concurrent_calls: &Arc<ConcurrentCalls>, wait: Wait);

    /// That actor has something to do.
    fn unblock_calls(&self, concurrent_calls: &ConcurrentCalls);
}
