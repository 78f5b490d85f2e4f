//! The bounds of the queue, and what is told of what does not fit.

use std::sync::Arc;
use std::task::{Context, Waker};

use futures::FutureExt;
use futures::channel::oneshot;

use super::*;
use crate::port::log::{LogLine, LogSource};
use crate::types::event::{Event, EventKind};
use crate::types::ids::TaskId;

fn line(text: &str) -> Notice {
    let task = Arc::from("task");
    Notice::Line(
        1,
        LogLine { task_id: TaskId(1), task, source: LogSource::Stdout, target: String::new(), text: text.into() },
    )
}

fn event(task: u64) -> Notice {
    Notice::Event(Event { at: Instant::now(), task: TaskId(task), kind: EventKind::Ended })
}

fn events_of(batch: &[Notice]) -> Vec<u64> {
    let task = |notice: &Notice| match notice {
        Notice::Event(event) => Some(event.task.0),
        _ => None,
    };
    batch.iter().filter_map(task).collect()
}

#[test]
fn notices_come_in_their_order_and_the_last_ones_after_the_end() {
    let queue = Queue::default();
    (0..100).for_each(|task| queue.push(event(task)));
    queue.close();
    queue.push(event(100));
    let (mut batch, mut seen) = (Vec::new(), Vec::new());
    while queue.take(&mut batch) {
        seen.extend(events_of(&batch));
    }
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    assert_eq!(queue.lost().events, 1, "what comes after the end is nobody's");
}

#[test]
fn events_beyond_the_bound_are_lost_and_counted() {
    let queue = Queue::default();
    (0..OBSERVED_EVENTS_MAX as u64 + 7).for_each(|task| queue.push(event(task)));
    assert_eq!(queue.lost(), Lost { events: 7, ..Lost::default() });
    assert_eq!(queue.take_lost(), None, "it is told when there is room again");
    let mut batch = Vec::new();
    for _ in 0..OBSERVED_EVENTS_MAX / BATCH {
        assert!(queue.take(&mut batch));
    }
    assert_eq!(queue.take_lost(), Some(Lost { events: 7, ..Lost::default() }));
    assert_eq!(queue.take_lost(), None, "once");
    queue.push(event(0));
    assert_eq!(queue.lost().events, 7, "and there is room");
}

#[test]
fn what_is_in_hand_still_counts() {
    let queue = Queue::default();
    (0..OBSERVED_EVENTS_MAX as u64).for_each(|task| queue.push(event(task)));
    assert!(queue.take(&mut Vec::new()));
    queue.push(event(0));
    assert_eq!(queue.lost().events, 1);
}

#[test]
fn lines_hold_guests_back_until_half_of_them_are_told() {
    let queue = Queue::default();
    let mut room = Box::pin(async {
        queue.room(1).await;
        queue.room(1).await;
    });
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..OBSERVED_LINES_MAX {
        assert!(queue.has_room(1));
        queue.push(line("x"));
    }
    assert!(!queue.has_room(1) && queue.has_room(2));
    assert!(room.poll_unpin(&mut cx).is_pending());
    let (mut batch, mut told) = (Vec::new(), 0);
    while !queue.has_room(1) {
        assert!(queue.take(&mut batch));
        told += batch.len();
    }
    assert!((OBSERVED_LINES_MAX / 2..OBSERVED_LINES_MAX).contains(&told), "{told}");
    assert!(queue.has_room(2), "and others never were");
    assert!(room.poll_unpin(&mut cx).is_ready());
}

#[test]
fn many_bytes_are_as_good_as_many_lines() {
    let queue = Queue::default();
    let long = "x".repeat(OBSERVED_LINE_BYTES_MAX / 8);
    for _ in 0..16 {
        queue.push(line(&long));
    }
    assert!(!queue.has_room(1));
    queue.push(line(&long));
    assert!(queue.lost().lines > 0, "twice the bound is the end, whoever writes");
}

#[test]
fn an_end_frees_who_waits() {
    let queue = Queue::default();
    (0..OBSERVED_LINES_MAX).for_each(|_| queue.push(line("x")));
    let mut room = Box::pin(queue.room(1));
    assert!(room.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
    let (done, mut flushed) = oneshot::channel();
    queue.push(Notice::Flush(done));
    assert!(!queue.wait_for_end(Duration::ZERO));
    queue.end();
    assert!(queue.wait_for_end(Duration::ZERO));
    assert!(room.poll_unpin(&mut Context::from_waker(Waker::noop())).is_ready());
    assert!(flushed.try_recv().is_err(), "nobody is left who could tell");
}
