//! What goes out of a guest to whoever observes the host.

use std::any::Any;

use futures::future::BoxFuture;
use tracing::Level;

use super::log::{LogLine, LogSource};
use crate::state::task::TaskRecord;
use crate::types::event::EventKind;

/// Lines, messages and events, for whoever observes the host; and the end of an embedder's imports.
pub trait OutputPort: Send + Sync {
    /// A line for the host's log. It never waits: a guest asks for [room](Self::has_log_room) before.
    fn log(&self, owner: u64, line: LogLine);

    /// May a guest write another line?
    fn has_log_room(&self, owner: u64) -> bool;

    /// Ends when it may.
    fn log_room(&self, owner: u64) -> BoxFuture<'static, ()>;

    /// The host has something to say that is no guest's.
    fn say(&self, level: Level, text: String);

    /// These bytes are about to go straight to the process's own stream.
    fn inherited(&self, source: LogSource, bytes: &[u8]);

    /// An event of the task, which only its guest's own calls tell.
    fn emit(&self, task: &TaskRecord, kind: EventKind);

    /// Lets go of the state of an embedder's imports: what its end does is the embedder's, and may panic or take long.
    fn let_go(&self, state: Vec<Box<dyn Any + Send>>);
}
