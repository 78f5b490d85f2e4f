//! The threads of the journal, and asking them: whoever wants a record to be kept, or read, waits without a thread.
//!
//! One writes ([`writer`]), one reads ([`finder`]), and one waits for the disk ([`syncing`]), so that none of the three holds up
//! another. Those who write and those who read stand in a [`line`] each, in which owners take turns.

mod finder;
mod line;
mod syncing;
mod writer;

use std::sync::Arc;
use std::thread::JoinHandle;

use futures::channel::oneshot;
use parking_lot::Mutex;

use self::finder::{Finder, Finding};
use self::line::Line;
use self::syncing::Syncing;
use self::writer::{Keeping, Writer};
use crate::state::object::payload::Payload;
use crate::storage::journal::{Entry, Files, Journal, Key};
use crate::types::voice::Voice;

/// The journal of a running host.
pub struct JournalHandle {
    files: Arc<Files>,
    /// At most one request for each instance that lives, each of which waits for its answer.
    keeping: Arc<Line<Keeping>>,
    /// The same.
    finding: Arc<Line<Finding>>,
    syncing: Arc<Syncing>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl JournalHandle {
    /// Starts the threads, which say what there is to say with this voice.
    ///
    /// # Errors
    /// The system has no thread for them.
    pub fn start(mut journal: Journal, voice: Voice) -> std::io::Result<Self> {
        journal.speak_through(voice.clone());
        let (files, chores) = (journal.files(), journal.chores());
        let (keeping, finding, syncing) = (Arc::<Line<_>>::default(), Arc::<Line<_>>::default(), Arc::default());
        let threads = Mutex::default();
        // Those that were started end with it where another is not to be had.
        let handle = JournalHandle { files, keeping, finding, syncing, threads };
        let finder = Finder::new(handle.files.clone(), voice.clone());
        let line = handle.finding.clone();
        handle.spawn("rustyray-find", move || finder.serve(&line))?;
        let (syncing, files, words) = (handle.syncing.clone(), handle.files.clone(), voice.clone());
        handle.spawn("rustyray-sync", move || syncing.serve(&chores, &files, &words))?;
        let (line, syncing) = (handle.keeping.clone(), handle.syncing.clone());
        handle.spawn("rustyray-journal", move || Writer::new(journal, syncing, voice).serve(&line))?;
        Ok(handle)
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// Returns when the record outlives the process, or could not be written, which is told in the log. It is asked for by this owner's.
    pub async fn keep(&self, owner: u64, entry: Entry) {
        let (done, kept) = oneshot::channel();
        self.keeping.ask(owner, Keeping { entry, done });
        let _ = kept.await;
    }

    /// Bytes of the payload of this key, if there is one.
    pub fn payload_bytes(&self, key: &Key) -> Option<u64> {
        self.files.payload_bytes(key)
    }

    /// The payload of this key, asked for by this owner's. If there is none it is known at once.
    pub async fn find(&self, owner: u64, key: Key) -> Option<Payload> {
        if !self.files.has(&key) {
            return None;
        }
        let (done, found) = oneshot::channel();
        self.finding.ask(owner, Finding::new(owner, key, done));
        found.await.ok().flatten()
    }

    /// Writes what was asked for so far, and nothing more.
    pub fn close(&self) {
        self.keeping.close();
        self.finding.close();
    }

    /// Waits until the threads have let go of the folder.
    pub fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Drop for JournalHandle {
    fn drop(&mut self) {
        self.close();
        if self.threads.lock().len() < THREADS {
            // The one that writes, which ends this with itself, was never started.
            self.syncing.close();
        }
    }
}

/// How many there are.
const THREADS: usize = 3;

#[cfg(test)]
mod tests;
