//! The thread that waits for the disk, so that nobody else does who writes to the journal or reads it.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tracing::Level;

use crate::storage::journal::{Chores, Files};
use crate::types::panics::caught;
use crate::types::voice::Voice;

/// Time after which the disk is told to keep what was written: what a power failure may take at most. The end of the
/// process takes nothing. Of the real clock, as the disk is.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// When the disk is told.
#[derive(Default)]
pub(super) struct Syncing {
    when: Mutex<When>,
    changed: Condvar,
}

#[derive(Default)]
struct When {
    at: Option<Instant>,
    closed: bool,
}

impl Syncing {
    /// Something was written; where there are files to remove they go at once.
    pub fn note(&self, at_once: bool) {
        let mut when = self.when.lock();
        let at = Instant::now() + if at_once { Duration::ZERO } else { SYNC_EVERY };
        if when.at.is_none_or(|before| at < before) {
            when.at = Some(at);
            self.changed.notify_one();
        }
    }

    /// Nothing is written any more.
    pub fn close(&self) {
        self.when.lock().closed = true;
        self.changed.notify_one();
    }

    pub fn serve(&self, chores: &Chores, files: &Files, voice: &Voice) {
        while self.next() {
            survives(|| run(chores, files), voice);
        }
        survives(|| run(chores, files), voice);
    }

    /// Returns when it is time; false at the end.
    fn next(&self) -> bool {
        let mut when = self.when.lock();
        while !when.closed {
            match when.at {
                None => self.changed.wait(&mut when),
                Some(at) if at <= Instant::now() => {
                    when.at = None;
                    return true;
                }
                Some(at) => drop(self.changed.wait_until(&mut when, at)),
            }
        }
        false
    }
}

fn run(chores: &Chores, files: &Files) {
    if chores.are_there()
        && let Err(error) = chores.run()
    {
        files.warn(|dir| format!("the disk did not take the journal '{dir}': {error}"));
    }
}

fn survives(step: impl FnOnce(), voice: &Voice) {
    if let Err(words) = caught(step) {
        let text = || format!("the host panicked while it synced the journal, and goes on: {words}");
        voice.say(Level::ERROR, text);
    }
}
