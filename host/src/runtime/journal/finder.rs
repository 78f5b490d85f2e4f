//! The thread that reads the journal. It never waits for those that write; a large record is read a step at a time, so that the next
//! owner's comes before the rest of it.

use std::sync::Arc;

use futures::channel::oneshot::Sender;
use tracing::Level;

use super::line::Line;
use crate::state::object::payload::Payload;
use crate::storage::journal::{Files, Find, Key};
use crate::types::panics::caught;
use crate::types::voice::Voice;

/// A record that somebody waits for.
pub(super) struct Finding {
    owner: u64,
    key: Key,
    /// How far it is, once it was begun.
    begun: Option<Find>,
    done: Sender<Option<Payload>>,
}

impl Finding {
    /// The record of this key, for this owner.
    pub fn new(owner: u64, key: Key, done: Sender<Option<Payload>>) -> Self {
        Finding { owner, key, begun: None, done }
    }
}

/// What the thread holds.
pub(super) struct Finder {
    files: Arc<Files>,
    voice: Voice,
}

impl Finder {
    pub fn new(files: Arc<Files>, voice: Voice) -> Self {
        Finder { files, voice }
    }

    pub fn serve(self, line: &Line<Finding>) {
        while self.serve_one(line) {}
    }

    /// Goes on with the next one; false at the end.
    pub fn serve_one(&self, line: &Line<Finding>) -> bool {
        let Some(next) = line.take(|_| false) else { return false };
        for finding in next {
            // Whoever waited for what panicked hears that nothing comes.
            if let Err(words) = caught(|| self.go_on(line, finding)) {
                let text = || format!("the host panicked while it read the journal, and goes on: {words}");
                self.voice.say(Level::ERROR, text);
            }
        }
        true
    }

    fn go_on(&self, line: &Line<Finding>, mut finding: Finding) {
        // Who asked may be gone.
        if finding.done.is_canceled() {
            return;
        }
        let found = match finding.begun.take().or_else(|| self.files.find(&finding.key)) {
            None => None,
            Some(begun) => match self.files.go_on(begun) {
                Ok(found) => found,
                Err(more) => {
                    finding.begun = Some(more);
                    return line.go_on_with(finding.owner, finding);
                }
            },
        };
        let _ = finding.done.send(found);
    }
}
