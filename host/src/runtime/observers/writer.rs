//! The thread that tells an embedder's functions what happened. A panic of one of them is its own.

use std::sync::Arc;

use tracing::Level;

use super::guard::Guard;
use super::queue::{Lost, Notice, Queue};
use super::{EventSink, ReceiptSink, Sinks};
use crate::port::log::LogSink;
use crate::words::panics::caught;

/// A function, and what is told when it panics.
struct Guarded<S> {
    sink: S,
    guard: Guard,
}

/// What the thread holds.
pub(super) struct Writer {
    queue: Arc<Queue>,
    log: Vec<Guarded<LogSink>>,
    events: Vec<Guarded<EventSink>>,
    receipts: Vec<Guarded<ReceiptSink>>,
}

impl Writer {
    pub fn new(queue: Arc<Queue>, sinks: Sinks) -> Self {
        let Sinks { log, events, receipts, .. } = sinks;
        Writer {
            log: guarded(log, "on_log", &queue),
            events: guarded(events, "on_event", &queue),
            receipts: guarded(receipts, "on_receipt", &queue),
            queue,
        }
    }

    /// Tells until the end.
    pub fn serve(self) {
        let _end = End(self.queue.clone());
        let mut batch = Vec::new();
        while self.queue.take(&mut batch) {
            batch.drain(..).for_each(|notice| self.tell(notice));
            self.queue.take_lost().iter().for_each(tell_lost);
        }
        self.queue.take_lost().iter().for_each(tell_lost);
        self.let_go();
    }

    fn tell(&self, notice: Notice) {
        match notice {
            Notice::Line(line) => tell_each(&self.log, |sink| sink(&line)),
            Notice::Event(event) => tell_each(&self.events, |sink| sink(&event)),
            Notice::Receipt(receipt) => tell_each(&self.receipts, |sink| sink(&receipt)),
            Notice::Message(level, text) => say(level, &text),
            // Wakes whoever waits, on an executor of the embedder's.
            Notice::Flush(done) => drop(caught(|| done.send(()))),
        }
    }

    /// What the functions hold may have something to say when it goes.
    fn let_go(self) {
        self.log.into_iter().for_each(Guarded::let_go);
        self.events.into_iter().for_each(Guarded::let_go);
        self.receipts.into_iter().for_each(Guarded::let_go);
    }
}

impl<S> Guarded<S> {
    fn let_go(self) {
        let Guarded { sink, guard } = self;
        guard.call(|| drop(sink));
    }
}

/// However the thread ends, nobody waits for it any more.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn tell_each<S>(sinks: &[Guarded<S>], tell: impl Fn(&S)) {
    for Guarded { sink, guard } in sinks {
        guard.call(|| tell(sink));
    }
}

fn guarded<S>(sinks: Vec<S>, what: &str, queue: &Arc<Queue>) -> Vec<Guarded<S>> {
    let several = sinks.len() > 1;
    let guard = |index: usize| match several {
        true => Guard::new(format!("the function number {} that was given to {what}", index + 1), queue),
        false => Guard::new(format!("the function that was given to {what}"), queue),
    };
    sinks.into_iter().enumerate().map(|(index, sink)| Guarded { sink, guard: guard(index) }).collect()
}

fn tell_lost(lost: &Lost) {
    let Lost { lines, events, receipts } = lost;
    say(
        Level::WARN,
        &format!(
            "{lines} log lines, {events} events and {receipts} receipts were left out: the functions that are told of them did \
             not keep up; have them hand on what they get to somebody else"
        ),
    );
}

/// An event of `tracing`, on whatever subscriber the process has.
fn say(level: Level, text: &str) {
    let saying = || match level {
        Level::ERROR => tracing::error!("{text}"),
        Level::WARN => tracing::warn!("{text}"),
        Level::INFO => tracing::info!("{text}"),
        Level::DEBUG => tracing::debug!("{text}"),
        Level::TRACE => tracing::trace!("{text}"),
    };
    // A subscriber that panics cannot be told of.
    let _ = caught(saying);
}
