//! The functions of an embedder that are told of something.

use std::sync::Arc;

use crate::port::log::{LogSink, OutputWatch};
use crate::types::event::Event;
use crate::types::receipt::Receipt;

/// Where a host sends events.
pub type EventSink = Arc<dyn Fn(&Event) + Send + Sync>;

/// Where a host sends receipts.
pub type ReceiptSink = Arc<dyn Fn(&Receipt) + Send + Sync>;

/// The functions of an embedder, each kind in the order in which they were given.
#[derive(Default)]
pub struct Sinks {
    /// Who is told what guests print and log; where there is nobody, `tracing`.
    pub log: Vec<LogSink>,
    /// Who is told of output that goes elsewhere.
    pub output: Vec<OutputWatch>,
    /// Who is told of finished tasks.
    pub receipts: Vec<ReceiptSink>,
    /// Who is told of what happens to tasks.
    pub events: Vec<EventSink>,
}
