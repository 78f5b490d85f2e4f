//! What is to be told, in its order, until the thread that tells it has done so: bounded, and never waited for with a lock held.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::Notify;

use super::line_shares::LineShares;
use super::notice::{Held, Kind, Lost, Notice};
use crate::types::limits::{
    OBSERVED_BYTES_MAX, OBSERVED_EVENTS_MAX, OBSERVED_LINE_BYTES_MAX, OBSERVED_LINES_MAX, OBSERVED_RECEIPTS_MAX,
};

/// Notices that are handed over at once.
const BATCH: usize = 64;

/// After it has told something the thread looks again so soon, before it sleeps until it is woken: while work goes on nobody who
/// works has to wake it.
const DOZE: Duration = Duration::from_micros(500);

/// The queue between what works and the thread that tells of it.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    /// There is something to tell, or the end.
    changed: Condvar,
    /// The thread is gone.
    gone: Condvar,
    /// Do some guests that print have to wait?
    holds_back: AtomicBool,
    lines_lost: AtomicU64,
    events_lost: AtomicU64,
    receipts_lost: AtomicU64,
    panics: AtomicU64,
}

#[derive(Default)]
struct Inner {
    notices: VecDeque<Notice>,
    /// By kind, with those that the thread has in hand.
    held: [Held; 3],
    in_hand: [Held; 3],
    /// The lines by owner, with those in hand.
    lines: LineShares,
    lines_in_hand: BTreeMap<u64, Held>,
    /// Since that was told last.
    lost: Lost,
    watch: Watch,
    closed: bool,
    gone: bool,
}

/// What the thread does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Watch {
    /// It tells something.
    #[default]
    Awake,
    /// It looks again in a moment.
    Dozes,
    /// It is to be woken.
    Sleeps,
}

impl Queue {
    /// Adds a notice; one for which there is no room is counted as lost. Never waits for whoever is told.
    pub fn push(&self, notice: Notice) {
        let mut inner = self.inner.lock();
        // What a function that panics now says about itself is still told.
        let late = inner.closed && !matches!(notice, Notice::Message(..));
        if late || inner.gone {
            drop(inner);
            return self.count_lost(&notice);
        }
        if !inner.has_room_for(&notice) {
            inner.lose(&notice);
            drop(inner);
            return self.count_lost(&notice);
        }
        let urgent = matches!(notice, Notice::Flush(_));
        if inner.add(notice) {
            self.holds_back.store(true, Ordering::Release);
        }
        self.wake(inner, urgent);
    }

    /// Wakes the thread, if nobody else has and it does not look again by itself soon enough.
    fn wake(&self, mut inner: MutexGuard<'_, Inner>, urgent: bool) {
        let wakes = match inner.watch {
            Watch::Awake => false,
            Watch::Dozes => urgent || inner.notices.len() >= BATCH,
            Watch::Sleeps => true,
        };
        if wakes {
            inner.watch = Watch::Awake;
            drop(inner);
            self.changed.notify_one();
        }
    }

    fn count_lost(&self, notice: &Notice) {
        let count = match notice.kind() {
            Some(Kind::Line) => &self.lines_lost,
            Some(Kind::Event) => &self.events_lost,
            Some(Kind::Receipt) => &self.receipts_lost,
            None => return,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// All that was ever lost.
    pub fn lost(&self) -> Lost {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Lost { lines: read(&self.lines_lost), events: read(&self.events_lost), receipts: read(&self.receipts_lost) }
    }

    /// A function of the embedder's panicked.
    pub fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// How often one did.
    pub fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// May a guest of this owner print?
    pub fn has_room(&self, owner: u64) -> bool {
        !self.holds_back.load(Ordering::Acquire) || !self.inner.lock().lines.may_not_print(owner)
    }

    /// Ends when a guest of this owner may print.
    pub async fn room(&self, owner: u64) {
        loop {
            let Some(waiting) = self.inner.lock().lines.waiting(owner) else { return };
            let room = waiting.notified();
            // It may have been let go meanwhile.
            if self.has_room(owner) {
                return;
            }
            room.await;
        }
    }

    /// Nothing comes any more. What is there is told.
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let waiting = inner.lines.end();
        self.holds_back.store(false, Ordering::Release);
        self.wake(inner, true);
        waiting.iter().for_each(|waiting| waiting.notify_waiters());
    }

    /// Waits until the thread is gone; false if that takes longer than this.
    pub fn wait_for_end(&self, longest: Duration) -> bool {
        let mut inner = self.inner.lock();
        !self.gone.wait_while_for(&mut inner, |inner| !inner.gone, longest).timed_out()
    }

    /// Whoever is told does not return: what is left is lost.
    pub fn abandon(&self) {
        let left = std::mem::take(&mut self.inner.lock().notices);
        left.iter().for_each(|notice| self.count_lost(notice));
    }
}

/// For the thread that tells.
impl Queue {
    /// What to tell next, once there is something, in place of what was told; false at the end.
    pub fn take(&self, batch: &mut Vec<Notice>) -> bool {
        batch.clear();
        let mut inner = self.inner.lock();
        let waiting = inner.put_down();
        self.holds_back.store(inner.lines.hold_back(), Ordering::Release);
        waiting.iter().for_each(|waiting| waiting.notify_waiters());
        self.wait(&mut inner);
        inner.hand_over(batch);
        !batch.is_empty()
    }

    fn wait(&self, inner: &mut MutexGuard<'_, Inner>) {
        let doze_until = Instant::now() + DOZE;
        inner.watch = Watch::Dozes;
        while inner.is_idle() && inner.watch == Watch::Dozes {
            if self.changed.wait_until(inner, doze_until).timed_out() {
                break;
            }
        }
        inner.watch = Watch::Sleeps;
        while inner.is_idle() {
            self.changed.wait(inner);
        }
        inner.watch = Watch::Awake;
    }

    /// What was lost since this was asked last, once there is room again.
    pub fn take_lost(&self) -> Option<Lost> {
        let mut inner = self.inner.lock();
        let quiet = inner.closed || inner.notices.len() < BATCH;
        let lost = if quiet { std::mem::take(&mut inner.lost) } else { Lost::default() };
        (lost != Lost::default()).then_some(lost)
    }

    /// The thread ends. Whoever waits for something hears that nothing comes.
    pub fn end(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        inner.gone = true;
        let left = std::mem::take(&mut inner.notices);
        let waiting = inner.lines.end();
        self.holds_back.store(false, Ordering::Release);
        drop(inner);
        drop(left);
        waiting.iter().for_each(|waiting| waiting.notify_waiters());
        self.gone.notify_all();
    }
}

impl Inner {
    fn has_room_for(&self, notice: &Notice) -> bool {
        let number = |kind: Kind| self.held[kind as usize].number;
        let bytes = |kind: Kind| self.held[kind as usize].bytes;
        let others = || bytes(Kind::Event) + bytes(Kind::Receipt) < OBSERVED_BYTES_MAX;
        match notice.kind() {
            // Guests are held back long before: this is for what many of them write at the same moment.
            Some(Kind::Line) => {
                if matches!(notice, Notice::Line(owner, _) if self.lines.has_far_too_many(*owner)) {
                    return false;
                }
                let has_few = || matches!(notice, Notice::Line(owner, _) if self.lines.has_few(*owner));
                let (lines, bytes) = (number(Kind::Line), bytes(Kind::Line));
                lines < 2 * OBSERVED_LINES_MAX && bytes < 2 * OBSERVED_LINE_BYTES_MAX || has_few()
            }
            Some(Kind::Event) => number(Kind::Event) < OBSERVED_EVENTS_MAX && others(),
            Some(Kind::Receipt) => number(Kind::Receipt) < OBSERVED_RECEIPTS_MAX && others(),
            None => true,
        }
    }

    /// True if guests of whoever wrote it are held back from here on.
    fn add(&mut self, notice: Notice) -> bool {
        if let Some(kind) = notice.kind() {
            self.held[kind as usize].add(notice.bytes());
        }
        let is_held_back = match &notice {
            Notice::Line(owner, _) => self.lines.add(*owner, notice.bytes()),
            _ => false,
        };
        self.notices.push_back(notice);
        is_held_back
    }

    fn lose(&mut self, notice: &Notice) {
        match notice.kind() {
            Some(Kind::Line) => self.lost.lines += 1,
            Some(Kind::Event) => self.lost.events += 1,
            Some(Kind::Receipt) => self.lost.receipts += 1,
            None => {}
        }
    }

    fn is_idle(&self) -> bool {
        self.notices.is_empty() && !self.closed
    }

    /// What was in hand is told. Gives what wakes those that were held back and may print now.
    fn put_down(&mut self) -> Vec<Arc<Notify>> {
        let told = std::mem::take(&mut self.in_hand);
        self.held.iter_mut().zip(told).for_each(|(held, told)| held.take(told));
        let told = std::mem::take(&mut self.lines_in_hand);
        // Nothing is counted any more once nobody is held back.
        if !self.closed {
            told.into_iter().for_each(|(owner, told)| self.lines.take(owner, told));
        }
        self.lines.let_go()
    }

    fn hand_over(&mut self, batch: &mut Vec<Notice>) {
        let count = self.notices.len().min(BATCH);
        for notice in self.notices.drain(..count) {
            if let Some(kind) = notice.kind() {
                self.in_hand[kind as usize].add(notice.bytes());
            }
            if let Notice::Line(owner, _) = &notice {
                self.lines_in_hand.entry(*owner).or_default().add(notice.bytes());
            }
            batch.push(notice);
        }
        // What a burst took is given back.
        if self.notices.is_empty() && self.notices.capacity() > OBSERVED_LINES_MAX {
            self.notices = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests;
