//! What happens to a task, told as it happens: what a timeline is drawn from. Totals are in the
//! [receipt](super::receipt).

use std::sync::Arc;
use std::time::Instant;

use super::ids::{ActorId, TaskId};

/// One thing that happened to a task.
///
/// Those of one task come in their order, those of several may come at the same time on several threads. Between
/// [`Started`](EventKind::Started) and [`Ended`](EventKind::Ended) no other task has the same slot.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, on the host's clock.
    pub at: Instant,
    /// The task, or the call of an actor.
    pub task: TaskId,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// An attempt begins.
    Started(Started),
    /// It waits, and computes nothing meanwhile.
    Waits {
        /// Can only another task end the wait? Else a timer, a file or a socket may, too.
        for_task: bool,
    },
    /// The wait is over.
    GoesOn,
    /// It has read an object, or a part of one.
    Read {
        /// Bytes that were copied to it.
        bytes: u64,
    },
    /// It has stored an object.
    Stored {
        /// Bytes that were copied from it.
        bytes: u64,
    },
    /// The attempt is over.
    Ended,
}

/// An attempt that begins.
#[derive(Clone, Debug)]
pub struct Started {
    /// Its place among those that run or wait: small numbers, used again.
    pub slot: usize,
    /// The name given with the options, else the function's.
    pub name: Arc<str>,
    /// The module's name.
    pub module: Arc<str>,
    /// The task that submitted it; `None` is the embedder.
    pub parent: Option<TaskId>,
    /// The actor that is constructed or called, and its type.
    pub actor: Option<(ActorId, Arc<str>)>,
    /// When it was submitted.
    pub queued: Instant,
    /// 1 for the first.
    pub attempt: u32,
}
