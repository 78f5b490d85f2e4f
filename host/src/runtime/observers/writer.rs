//! The thread that tells an embedder's functions what happened. A panic of one of them is its own.

use std::sync::Arc;

use tracing::Level;

use super::guard::Guard;
use super::notice::{Lost, Notice};
use super::queue::Queue;
use super::sinks::{EventSink, ReceiptSink, Sinks};
use crate::port::log::LogSink;
use crate::types::panics::caught;
use crate::types::voice::say_now;

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
            Notice::Line(_, line) => tell_each(&self.log, |sink| sink(&line)),
            Notice::Event(event) => tell_each(&self.events, |sink| sink(&event)),
            Notice::Receipt(receipt) => tell_each(&self.receipts, |sink| sink(&receipt)),
            Notice::Message(level, text) => say_now(level, &text),
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
    say_now(
        Level::WARN,
        &format!(
            "{lines} log lines, {events} events and {receipts} receipts were left out: the functions that are told of them did \
             not keep up; have them hand on what they get to somebody else"
        ),
    );
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::time::Instant;

    use parking_lot::Mutex;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::types::event::{Event, EventKind};
    use crate::types::ids::TaskId;
    use crate::types::limits::OBSERVED_EVENTS_MAX;

    /// What a subscriber of `tracing` writes.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Page {
        type Writer = Page;

        fn make_writer(&'a self) -> Page {
            self.clone()
        }
    }

    fn said(queue: &Arc<Queue>, sinks: Sinks) -> String {
        let page = Page::default();
        let subscriber = tracing_subscriber::fmt().with_writer(page.clone()).with_ansi(false).finish();
        queue.close();
        tracing::subscriber::with_default(subscriber, || Writer::new(queue.clone(), sinks).serve());
        let bytes = page.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn push(queue: &Queue, events: usize) {
        let event = || Event { at: Instant::now(), task: TaskId(1), kind: EventKind::Ended };
        (0..events).for_each(|_| queue.push(Notice::Event(event())));
    }

    #[test]
    fn what_was_left_out_is_told_with_what_to_do() {
        let queue = Arc::new(Queue::default());
        push(&queue, OBSERVED_EVENTS_MAX + 3);
        let text = said(&queue, Sinks::default());
        assert!(text.contains("0 log lines, 3 events and 0 receipts were left out"), "{text}");
        assert_eq!(text.lines().count(), 1, "once: {text}");
    }

    #[test]
    fn of_several_each_that_panics_is_told_once() {
        let queue = Arc::new(Queue::default());
        push(&queue, 3);
        let count = Arc::new(Mutex::new(0));
        let counts = count.clone();
        let events: Vec<EventSink> = vec![
            Arc::new(|_| panic!("a mistake")),
            Arc::new(move |_| *counts.lock() += 1),
            Arc::new(|_| panic!("another")),
        ];
        let text = said(&queue, Sinks { events, ..Sinks::default() });
        let told: Vec<&str> =
            text.lines().filter_map(|line| line.split_once("the function number ")).map(|(_, rest)| rest).collect();
        assert_eq!(
            told,
            [
                "1 that was given to on_event panicked, which is told once: a mistake",
                "3 that was given to on_event panicked, which is told once: another"
            ]
        );
        assert_eq!((*count.lock(), queue.panics()), (3, 6));
    }
}
