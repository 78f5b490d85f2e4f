//! The thread that writes the journal, and asking it: whoever wants a record to be kept, or read, waits without a thread.
//!
//! It takes all that has come since it last looked and writes it in one call, so that many tasks that end at the same
//! moment cost no more than one.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures::channel::oneshot::{self, Sender};
use parking_lot::{Condvar, Mutex};
use tracing::Level;

use crate::state::object::payload::Payload;
use crate::storage::journal::{Entry, Index, Journal, Key};
use crate::types::panics::caught;
use crate::types::voice::Voice;

/// Time after which the disk is told to keep what was written: what a power failure may take at most. The end of the
/// process takes nothing. Of the real clock, as the disk is.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// The journal of a running host.
pub struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    /// At most one request for each instance that lives, each of which waits for its answer.
    queue: Mutex<Queue>,
    /// There is a request, or the end.
    changed: Condvar,
    index: Arc<Index>,
}

#[derive(Default)]
struct Queue {
    requests: Vec<Request>,
    closed: bool,
}

enum Request {
    Keep(Entry, Sender<()>),
    Find(Key, Sender<Option<Payload>>),
}

impl Keeper {
    /// Starts the thread, which says what there is to say with this voice.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn start(mut journal: Journal, voice: Voice) -> std::io::Result<Self> {
        journal.speak_through(voice.clone());
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new(), index: journal.index() });
        let theirs = shared.clone();
        let name = "rustyray-journal".to_owned();
        let thread =
            std::thread::Builder::new().name(name).spawn(move || Writer::new(journal, voice).serve(&theirs))?;
        Ok(Keeper { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Returns when the record outlives the process, or could not be written, which is told in the log.
    pub async fn keep(&self, entry: Entry) {
        let (done, kept) = oneshot::channel();
        self.shared.ask(Request::Keep(entry, done));
        let _ = kept.await;
    }

    /// The payload of this key. If there is none it is known at once.
    pub async fn find(&self, key: Key) -> Option<Payload> {
        if !self.shared.index.has(&key) {
            return None;
        }
        let (done, found) = oneshot::channel();
        self.shared.ask(Request::Find(key, done));
        found.await.ok().flatten()
    }

    /// Writes what was asked for so far, and nothing more.
    pub fn close(&self) {
        self.shared.queue.lock().closed = true;
        self.shared.changed.notify_one();
    }

    /// Waits until the thread has let go of the folder.
    pub fn join(&self) {
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn ask(&self, request: Request) {
        let mut queue = self.queue.lock();
        if !queue.closed {
            queue.requests.push(request);
            self.changed.notify_one();
        }
    }

    /// What has come, once something has, or `until` is over; `None` at the end.
    fn next(&self, until: Option<Instant>) -> Option<Vec<Request>> {
        let mut queue = self.queue.lock();
        while queue.requests.is_empty() && !queue.closed {
            match until {
                None => self.changed.wait(&mut queue),
                Some(until) if self.changed.wait_until(&mut queue, until).timed_out() => break,
                Some(_) => {}
            }
        }
        let over = queue.requests.is_empty() && queue.closed;
        (!over).then(|| std::mem::take(&mut queue.requests))
    }
}

/// What the thread holds.
struct Writer {
    journal: Journal,
    /// When the disk is told next.
    sync_at: Option<Instant>,
    /// Did the last write fail? It is told once.
    failing: bool,
    voice: Voice,
}

impl Writer {
    fn new(journal: Journal, voice: Voice) -> Self {
        Writer { journal, sync_at: None, failing: false, voice }
    }

    fn serve(mut self, shared: &Shared) {
        while let Some(requests) = shared.next(self.sync_at) {
            // Whoever waited for what panicked hears that nothing comes; the others are answered.
            self.survives(|writer| writer.answer(requests));
            if self.sync_at.is_some_and(|at| at <= Instant::now()) {
                self.survives(Self::sync);
            }
        }
        self.survives(Self::sync);
    }

    fn survives(&mut self, step: impl FnOnce(&mut Self)) {
        if let Err(words) = caught(|| step(self)) {
            let text = || format!("the host panicked while it wrote the journal, and goes on: {words}");
            self.voice.say(Level::ERROR, text);
        }
    }

    fn answer(&mut self, requests: Vec<Request>) {
        let (mut entries, mut waiting) = (Vec::new(), Vec::new());
        for request in requests {
            match request {
                Request::Keep(entry, done) => {
                    entries.push(entry);
                    waiting.push(done);
                }
                // Who asked may be gone.
                Request::Find(key, done) => drop(done.send(self.journal.read(&key))),
            }
        }
        if !entries.is_empty() {
            self.write(&entries);
        }
        for done in waiting {
            let _ = done.send(());
        }
    }

    fn write(&mut self, entries: &[Entry]) {
        let written = self.journal.append(entries);
        if self.journal.is_unsynced() {
            self.sync_at.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
        }
        match (&written, self.failing) {
            (Err(error), false) => self.journal.warn(|dir| {
                let what = "work goes on, and what is not kept will be done again";
                format!("cannot write to the journal '{dir}': {error}; {what}")
            }),
            (Ok(()), true) => self.journal.warn(|dir| format!("the journal '{dir}' can be written again")),
            _ => {}
        }
        self.failing = written.is_err();
    }

    fn sync(&mut self) {
        self.sync_at = None;
        if self.journal.is_unsynced()
            && let Err(error) = self.journal.sync()
        {
            self.journal.warn(|dir| format!("the disk did not take the journal '{dir}': {error}"));
        }
    }
}
