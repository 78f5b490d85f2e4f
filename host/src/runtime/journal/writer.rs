//! The thread that writes the journal: what has come goes in one call of the system, so that many small results cost no more than one,
//! but no more of it than others may have to wait for.

use std::sync::Arc;

use futures::channel::oneshot::Sender;
use tracing::Level;

use super::line::Line;
use super::syncing::Syncing;
use crate::storage::journal::{Entry, Journal};
use crate::types::limits::JOURNAL_STEP_BYTES;
use crate::types::panics::caught;
use crate::types::voice::Voice;

/// A record that somebody wants to be kept.
pub(super) struct Keeping {
    /// The record.
    pub entry: Entry,
    /// Told when it is.
    pub done: Sender<()>,
}

/// What the thread holds.
pub(super) struct Writer {
    journal: Journal,
    syncing: Arc<Syncing>,
    /// Did the last write fail? It is told once.
    failing: bool,
    voice: Voice,
}

impl Writer {
    pub fn new(journal: Journal, syncing: Arc<Syncing>, voice: Voice) -> Self {
        Writer { journal, syncing, failing: false, voice }
    }

    pub fn serve(mut self, line: &Line<Keeping>) {
        while self.serve_some(line) {}
        self.syncing.close();
    }

    /// Writes a few; false at the end.
    pub fn serve_some(&mut self, line: &Line<Keeping>) -> bool {
        let mut bytes = 0;
        let fits = |next: &Keeping| {
            bytes += next.entry.stored_bytes();
            bytes <= JOURNAL_STEP_BYTES as u64
        };
        let Some(some) = line.take(fits) else { return false };
        // Whoever waited for what panicked hears that nothing comes; the others are answered.
        self.survives(|writer| writer.answer(some));
        true
    }

    fn survives(&mut self, step: impl FnOnce(&mut Self)) {
        if let Err(words) = caught(|| step(self)) {
            let text = || format!("the host panicked while it wrote the journal, and goes on: {words}");
            self.voice.say(Level::ERROR, text);
        }
    }

    fn answer(&mut self, some: Vec<Keeping>) {
        let (entries, waiting): (Vec<_>, Vec<_>) = some.into_iter().map(|one| (one.entry, one.done)).unzip();
        let written = self.journal.append(&entries);
        self.tell(&written);
        for done in waiting {
            let _ = done.send(());
        }
        // Nobody waits for the rest of it, but for who comes meanwhile.
        let bytes = entries.iter().map(Entry::stored_bytes).sum();
        if written.is_ok() {
            // What fails is tried again, at the latest before the older file goes, where it is told.
            let _ = self.journal.carry_for(bytes);
        }
        let chores = self.journal.chores();
        if chores.are_there() {
            self.syncing.note(chores.has_gone());
        }
    }

    fn tell(&mut self, written: &std::io::Result<()>) {
        let files = self.journal.files();
        match (written, self.failing) {
            (Err(error), false) => files.warn(|dir| {
                let what = "work goes on, and what is not kept will be done again";
                format!("cannot write to the journal '{dir}': {error}; {what}")
            }),
            (Ok(()), true) => files.warn(|dir| format!("the journal '{dir}' can be written again")),
            _ => {}
        }
        self.failing = written.is_err();
    }
}
