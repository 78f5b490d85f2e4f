//! Who is told what guests print, what happens to tasks, and what they leave: an embedder's functions. They run on one thread that
//! does nothing else. What works only puts a notice into a queue, so that no function of an embedder's, whether it panics or
//! never returns, runs inside a change of state or on a thread that guests and deadlines need.

mod guard;
mod line_shares;
mod notice;
mod queue;
mod sinks;
mod writer;

use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::BoxFuture;
use tracing::Level;

use self::notice::Notice;
use self::queue::Queue;
use self::writer::Writer;
use crate::port::log::{LogLine, LogSource, OutputWatch, to_tracing};
use crate::types::event::Event;
use crate::types::receipt::Receipt;
use crate::types::voice::Voice;

pub use self::guard::Guard;
pub use self::sinks::Sinks;

/// What tells them, for one host. Dropping it has what is queued told, and waits for nobody.
pub struct Observers {
    queue: Arc<Queue>,
    voice: Voice,
    output: Vec<OutputWatch>,
    output_guard: Guard,
    hears_events: bool,
    hears_receipts: bool,
    /// The one that tells, once it is there.
    thread: Option<ThreadId>,
}

/// What was not told, and what panicked.
pub(super) struct Figures {
    pub lines: u64,
    pub events: u64,
    pub receipts: u64,
    pub panics: u64,
}

impl Observers {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn start(mut sinks: Sinks) -> std::io::Result<Self> {
        if sinks.log.is_empty() {
            sinks.log.push(Arc::new(to_tracing));
        }
        let queue = Arc::new(Queue::default());
        let said = queue.clone();
        let mut observers = Observers {
            voice: Voice::new(move |level, text| said.push(Notice::Message(level, text))),
            output: std::mem::take(&mut sinks.output),
            output_guard: Guard::new("the function that was given to on_inherited_output", &queue),
            hears_events: !sinks.events.is_empty(),
            hears_receipts: !sinks.receipts.is_empty(),
            queue: queue.clone(),
            thread: None,
        };
        let writer = Writer::new(queue, sinks);
        let started = std::thread::Builder::new().name("rustyray-observe".to_owned()).spawn(move || writer.serve())?;
        observers.thread = Some(started.thread().id());
        Ok(observers)
    }

    /// What calls other functions of the embedder's, which a message calls `what`.
    pub fn guard(&self, what: &str) -> Guard {
        Guard::new(what, &self.queue)
    }

    /// Is anybody told of events?
    pub(super) fn hear_events(&self) -> bool {
        self.hears_events
    }

    /// Something happened to a task. To be asked only where [somebody is told](Self::hear_events).
    pub(super) fn event(&self, event: Event) {
        self.queue.push(Notice::Event(event));
    }

    /// A task is finished.
    pub(super) fn receipt(&self, receipt: &Receipt) {
        if self.hears_receipts {
            self.queue.push(Notice::Receipt(Box::new(receipt.clone())));
        }
    }

    /// A guest wrote a line.
    pub(super) fn line(&self, owner: u64, line: LogLine) {
        self.queue.push(Notice::Line(owner, line));
    }

    /// May a guest of this owner write another one?
    pub(super) fn has_room(&self, owner: u64) -> bool {
        self.queue.has_room(owner)
    }

    /// Ends when it may.
    pub(super) fn room(&self, owner: u64) -> BoxFuture<'static, ()> {
        let queue = self.queue.clone();
        Box::pin(async move { queue.room(owner).await })
    }

    /// A guest is about to write this to a stream of the process's own: told on the spot, as the bytes do not wait.
    pub(super) fn inherited(&self, source: LogSource, bytes: &[u8]) {
        for watch in &self.output {
            self.output_guard.call(|| watch(source, bytes));
        }
    }

    /// The host itself has something to say.
    pub(super) fn say(&self, level: Level, text: impl FnOnce() -> String) {
        self.voice.say(level, text);
    }

    /// What says something for the host from where a subscriber of `tracing` that blocks would do harm.
    pub fn voice(&self) -> Voice {
        self.voice.clone()
    }

    /// Returns when all that was queued before is told.
    pub async fn flush(&self) {
        if self.thread == Some(std::thread::current().id()) {
            // It would wait for the end of the very function that waits.
            return;
        }
        let (done, flushed) = oneshot::channel();
        self.queue.push(Notice::Flush(done));
        // An error is the end of the thread, after which there is nothing to wait for.
        let _ = flushed.await;
    }

    /// Has what is queued told, and waits for the end of the thread, at most this long. What is left then is lost.
    pub fn finish(&self, longest: Duration) {
        self.queue.close();
        if !self.queue.wait_for_end(longest) {
            self.queue.abandon();
        }
    }

    pub(super) fn figures(&self) -> Figures {
        let lost = self.queue.lost();
        Figures { lines: lost.lines, events: lost.events, receipts: lost.receipts, panics: self.queue.panics() }
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.queue.close();
    }
}
