//! What there is to tell, and how it is counted.

use std::mem::size_of;

use futures::channel::oneshot;
use tracing::Level;

use crate::port::log::LogLine;
use crate::types::event::Event;
use crate::types::receipt::Receipt;

/// Something to tell.
pub(super) enum Notice {
    /// A guest of this owner wrote it.
    Line(u64, LogLine),
    /// It happened to a task.
    Event(Event),
    /// A task is finished.
    Receipt(Box<Receipt>),
    /// The host has something to say.
    Message(Level, String),
    /// Whoever waits for all that is before this.
    Flush(oneshot::Sender<()>),
}

/// What is counted for itself.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Line,
    Event,
    Receipt,
}

impl Notice {
    /// What it counts as; nothing where it is no more than a wait.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Notice::Line(..) | Notice::Message(..) => Some(Kind::Line),
            Notice::Event(_) => Some(Kind::Event),
            Notice::Receipt(_) => Some(Kind::Receipt),
            Notice::Flush(_) => None,
        }
    }

    /// The room that it takes. Names are others' as well, and not counted.
    pub fn bytes(&self) -> usize {
        let held = match self {
            Notice::Line(_, line) => line.target.len() + line.text.len(),
            Notice::Message(_, text) => text.len(),
            Notice::Receipt(receipt) => size_of::<Receipt>() + receipt.refused.iter().map(String::len).sum::<usize>(),
            Notice::Event(_) | Notice::Flush(_) => 0,
        };
        held + size_of::<Notice>()
    }
}

/// How much of something there is.
#[derive(Clone, Copy, Default)]
pub(super) struct Held {
    pub number: usize,
    pub bytes: usize,
}

impl Held {
    /// One more.
    pub fn add(&mut self, bytes: usize) {
        self.number += 1;
        self.bytes += bytes;
    }

    /// So much less.
    pub fn take(&mut self, other: Held) {
        self.number -= other.number;
        self.bytes -= other.bytes;
    }
}

/// What was not told, because there was no room for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub lines: u64,
    pub events: u64,
    pub receipts: u64,
}
