//! The calls that an actor serves at once, while it serves any.
//!
//! The guest runs one of them at a time, and says which; the others are suspended in its memory. It is told of what it has to
//! know, and the runtime of what is over.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

use super::unstored::{Unstored, UnstoredResult};
use crate::state::deadlock::blocked_on::BlockedOn;
use crate::state::object::payload::{Held, Payload};
use crate::state::task::TaskRecord;
use crate::state::task::cancellation::{Stop, StopReason};
use crate::state::task::meter::Gauge;
use crate::types::error::TaskError;
use crate::types::ids::TaskId;
use crate::types::resources::ResourceSet;
use crate::types::sync::atomic::{AtomicBool, Ordering};
use crate::types::sync::{Mutex, rank};

/// What the guest is told.
pub enum News {
    /// Serve this call as well.
    Call(Arc<TaskRecord>, Vec<Held>),
    /// This call was asked to stop.
    Asked(TaskId),
    /// Nobody waits for this call any more.
    Dropped(TaskId),
    /// No call is left.
    Over,
}

/// How a call came to its end, while the instance lives on.
pub enum End {
    /// The guest answered.
    Answered(Result<Payload, Box<TaskError>>),
    /// It was ended from outside.
    Stopped(StopReason),
}

/// A call that is over, or was left behind.
pub struct Ended {
    /// It.
    pub call: Arc<TaskRecord>,
    /// Did it wait, rather than run?
    pub waited: bool,
    /// How it ended.
    pub end: End,
    /// Its result is in memory, and has no room yet.
    pub unstored: Option<UnstoredResult>,
}

/// The calls that an actor serves at once.
pub struct ConcurrentCalls {
    /// Ends all of them, with the instance.
    whole: Arc<dyn Stop>,
    /// What the actor holds for its life.
    holds: ResourceSet,
    inner: Mutex<Inner, { rank::CONCURRENT_CALLS }>,
    /// How often the guest gave up its turn.
    turns: Gauge,
    /// Woken when there are news.
    guest: AtomicWaker,
    /// One of the calls may have been asked to stop. Not under the lock: whoever asks may be called from under it.
    rung: AtomicBool,
    /// Does the guest wait for news?
    listens: AtomicBool,
    /// What it waits for besides, where only other tasks can end that.
    blocked_on: BlockedOn,
    /// Woken when a call is over, or is to be over soon.
    runtime: AtomicWaker,
    /// Results that wait for room.
    unstored: Arc<Unstored>,
}

struct Inner {
    calls: BTreeMap<TaskId, Served>,
    news: VecDeque<News>,
    ends: VecDeque<Ended>,
    /// The call that runs.
    current: Option<TaskId>,
    /// The last one that ran: what the guest uses between two calls is counted for it.
    charged: Arc<TaskRecord>,
    /// Was the guest told that no call is left? Then none follows.
    over: bool,
}

struct Served {
    task: Arc<TaskRecord>,
    /// Does the guest know of it?
    known: bool,
    /// Was the guest told that it was asked to stop?
    asked: bool,
    /// Has it run, and runs no more?
    waits: bool,
    /// It is to end, and runs: it does when the guest leaves it.
    ending: Option<StopReason>,
}

impl ConcurrentCalls {
    /// The calls of an actor that `holds` so much: they begin with this one, and are ended as a whole by `whole`.
    pub fn new(first: Arc<TaskRecord>, whole: Arc<dyn Stop>, holds: ResourceSet, unstored: Arc<Unstored>) -> Arc<Self> {
        let inner = Inner {
            calls: BTreeMap::new(),
            news: VecDeque::new(),
            ends: VecDeque::new(),
            current: None,
            charged: first,
            over: false,
        };
        Arc::new(ConcurrentCalls {
            whole,
            holds,
            inner: Mutex::new(inner),
            turns: Gauge::default(),
            guest: AtomicWaker::new(),
            rung: AtomicBool::new(false),
            listens: AtomicBool::new(false),
            blocked_on: BlockedOn::default(),
            runtime: AtomicWaker::new(),
            unstored,
        })
    }

    /// Takes a call in; gives what ends it alone. `None` where none is served with these any more.
    pub fn admit(self: &Arc<Self>, call: &Arc<TaskRecord>) -> Option<Arc<dyn Stop>> {
        let mut inner = self.inner.lock();
        if inner.over {
            return None;
        }
        let served = Served { task: call.clone(), known: false, asked: false, waits: false, ending: None };
        let before = inner.calls.insert(call.spec.id, served);
        drop(inner);
        drop(before);
        Some(Arc::new(Ender { concurrent_calls: Arc::downgrade(self), call: call.spec.id }))
    }

    /// Forgets a call that did not begin, or failed before the guest knew of it. False if it is over already.
    pub fn forget(&self, call: &TaskRecord) -> bool {
        let known = self.inner.lock().calls.remove(&call.spec.id);
        self.guest.wake();
        known.is_some()
    }

    /// Hands a call to the guest, unless it was ended meanwhile.
    pub fn hand_over(self: &Arc<Self>, call: Arc<TaskRecord>, arguments: Vec<Held>) {
        self.listen(&call);
        let mut inner = self.inner.lock();
        // One that was ended before may be here again by now, for another attempt: that one is handed over by itself.
        let is_here = inner.calls.get(&call.spec.id).is_some_and(|served| Arc::ptr_eq(&served.task, &call));
        let stale =
            !is_here || inner.news.iter().any(|news| matches!(news, News::Call(other, _) if Arc::ptr_eq(other, &call)));
        if stale {
            drop(inner);
            drop(arguments);
            return;
        }
        inner.news.push_back(News::Call(call, arguments));
        drop(inner);
        self.guest.wake();
    }

    /// The next thing that the guest has to know, if there is one; `cx` is woken when there may be.
    pub fn poll_news(&self, cx: &mut Context<'_>) -> Option<News> {
        self.guest.register(cx.waker());
        self.news()
    }

    /// The next thing that the guest has to know, if there is one.
    pub fn news(&self) -> Option<News> {
        let rung = self.rung.swap(false, Ordering::AcqRel);
        let mut gone = Vec::new();
        let mut inner = self.inner.lock();
        if rung {
            inner.look_who_is_asked();
        }
        let news = inner.next_news(&mut gone);
        drop(inner);
        drop(gone);
        news
    }

    /// Was the guest told that no call is left? Then it takes none any more, until it has returned.
    pub fn is_over(&self) -> bool {
        self.inner.lock().over
    }

    /// May the guest go on with this call? It waits while too many bytes of results wait for room, and is to make no more of them; but not
    /// for a call that is over, or to end: it has to hear of that in its own time. Whoever runs the guest polls this again whenever a
    /// call is over.
    pub fn poll_may_go_on(&self, call: TaskId, cx: &mut Context<'_>) -> Poll<()> {
        let is_wanted = || self.inner.lock().calls.get(&call).is_some_and(|served| served.ending.is_none());
        match self.unstored.poll_are_few(cx) {
            Poll::Pending if is_wanted() => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    /// The guest runs this call from here on; true if it waited. `None` if nobody waits for it any more.
    pub fn enter(&self, call: TaskId) -> Option<(Arc<TaskRecord>, bool)> {
        let mut inner = self.inner.lock();
        let served = inner.calls.get_mut(&call)?;
        let (task, waited) = (served.task.clone(), std::mem::take(&mut served.waits));
        inner.current = Some(call);
        let before = std::mem::replace(&mut inner.charged, task.clone());
        drop(inner);
        drop(before);
        Some((task, waited))
    }

    /// It runs none of them from here on. Gives the one that it ran, if that waits now; one that is to end has ended.
    pub fn leave(self: &Arc<Self>) -> Option<Arc<TaskRecord>> {
        let mut inner = self.inner.lock();
        let call = inner.current.take()?;
        let Served { task, ending, waits, .. } = inner.calls.get_mut(&call)?;
        *waits = ending.is_none();
        let (task, ending) = (task.clone(), *ending);
        let gone = ending.map(|reason| inner.end(call, End::Stopped(reason)));
        drop(inner);
        drop(gone);
        if ending.is_some() {
            self.runtime.wake();
            return None;
        }
        // A host call that it waited in took the bell's place.
        self.listen(&task);
        Some(task)
    }

    /// The guest answers a call. False if nobody waits for that any more.
    pub fn answer(&self, call: TaskId, answer: Result<Payload, TaskError>) -> bool {
        let mut inner = self.inner.lock();
        if inner.current == Some(call) {
            inner.current = None;
        }
        let known = inner.calls.get(&call).is_some_and(|served| served.known);
        let answered = if known { inner.calls.remove(&call) } else { None };
        let Some(served) = answered else { return false };
        if let Ok(payload) = &answer {
            served.task.meter().bytes_out.add(payload.data.len() as u64);
        }
        let bytes = answer.as_ref().map_or(0, Payload::stored_bytes);
        let end = served.ending.map_or(End::Answered(answer.map_err(Box::new)), End::Stopped);
        let unstored = matches!(end, End::Answered(Ok(_))).then(|| self.unstored.add(bytes));
        inner.ends.push_back(Ended { call: served.task, waited: served.waits, end, unstored });
        drop(inner);
        self.runtime.wake();
        true
    }

    /// A call that is over.
    pub fn pop_end(&self) -> Option<Ended> {
        self.inner.lock().ends.pop_front()
    }

    /// Is the guest to leave the call that it runs, or to return because none is left? With the reason of the former. Wakes `cx`
    /// when that changes, and when a call is over.
    pub fn poll_overdue(&self, cx: &mut Context<'_>) -> Option<StopReason> {
        self.runtime.register(cx.waker());
        let inner = self.inner.lock();
        match inner.current.and_then(|current| inner.calls.get(&current)) {
            Some(running) => running.ending,
            None if inner.calls.is_empty() && !self.listens.load(Ordering::Acquire) => Some(StopReason::Cancelled),
            None => None,
        }
    }

    /// The guest waits for news from here on, or does not any more.
    pub fn set_listens(&self, listens: bool) {
        self.listens.store(listens, Ordering::Release);
    }

    /// What the actor holds for its life.
    pub fn holds(&self) -> &ResourceSet {
        &self.holds
    }

    /// What its guest waits for, where only other tasks can end that.
    pub fn blocked_on(&self) -> &BlockedOn {
        &self.blocked_on
    }

    /// Does the guest know of this call?
    pub fn knows(&self, call: &TaskRecord) -> bool {
        self.inner.lock().calls.get(&call.spec.id).is_some_and(|served| served.known)
    }

    /// The calls that are served.
    pub fn calls(&self) -> Vec<Arc<TaskRecord>> {
        self.inner.lock().calls.values().map(|served| served.task.clone()).collect()
    }

    /// The first of the calls that the guest knows of.
    pub fn first_known(&self) -> Option<Arc<TaskRecord>> {
        self.inner.lock().calls.values().find(|served| served.known).map(|served| served.task.clone())
    }

    /// Is there something that the guest is to be told?
    pub fn has_news(&self) -> bool {
        self.rung.load(Ordering::Acquire) || !self.inner.lock().news.is_empty()
    }

    /// Ends all of them, with the instance.
    pub fn end(&self, reason: StopReason) {
        self.whole.stop(reason);
    }

    /// The guest gave up its turn: it was preempted, or waits. Gives why that is its end, if it is.
    pub fn preempted(&self) -> Option<StopReason> {
        self.turns.add(1);
        // Between two calls it has an allowance.
        let inner = self.inner.lock();
        let runs = inner.current.map(|_| inner.charged.clone());
        drop(inner);
        runs?.meter().preempted()
    }

    /// How often the guest gave up its turn.
    pub fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// The call that what the guest uses is counted for.
    pub fn charged(&self) -> Arc<TaskRecord> {
        self.inner.lock().charged.clone()
    }

    /// Those that are left when the guest serves no more, in the order in which they came; true if it waited.
    pub fn abandoned(&self) -> Vec<(Arc<TaskRecord>, bool)> {
        let mut inner = self.inner.lock();
        inner.over = true;
        let mut calls: Vec<_> =
            std::mem::take(&mut inner.calls).into_values().map(|served| (served.task, served.waits)).collect();
        calls.sort_unstable_by_key(|(call, _)| call.spec.id.0);
        calls
    }

    /// The wait of this stamp, which the calls share, is in vain: this one ends with the error.
    pub fn condemn(&self, call: &TaskRecord, stamp: u64, error: &TaskError) {
        let mut inner = self.inner.lock();
        let waits = inner.current.is_none() && self.blocked_on.stamp() == Some(stamp);
        let gone =
            if waits { inner.end(call.spec.id, End::Answered(Err(Box::new(error.clone())))) } else { Vec::new() };
        drop(inner);
        drop(gone);
        self.runtime.wake();
        self.guest.wake();
    }

    /// Ends one call. One that is suspended is over at once; the one that runs is when the guest leaves it.
    fn stop_one(&self, call: TaskId, reason: StopReason) {
        let mut inner = self.inner.lock();
        let runs = inner.current == Some(call);
        let mut gone = Vec::new();
        let blocked = match inner.calls.get_mut(&call) {
            None => return,
            Some(served) if runs => {
                served.ending.get_or_insert(reason);
                Some(served.task.clone())
            }
            Some(_) => {
                gone = inner.end(call, End::Stopped(reason));
                None
            }
        };
        drop(inner);
        drop(gone);
        // It may wait in a host call of its own, which fails when it is asked to stop. What is past its deadline may be tried
        // again, and is not asked.
        if let Some(task) = blocked.filter(|_| reason == StopReason::Cancelled) {
            task.request_cancel();
        }
        self.runtime.wake();
        self.guest.wake();
    }

    /// Hears when the call is asked to stop.
    fn listen(self: &Arc<Self>, call: &TaskRecord) {
        let bell = Waker::from(Arc::new(Bell(Arc::downgrade(self))));
        call.interrupt().register(&bell);
        if call.cancel_requested() {
            bell.wake();
        }
    }
}

impl Inner {
    /// What it is not told of any more is put with `gone`, to be dropped where nobody holds the lock.
    fn next_news(&mut self, gone: &mut Vec<News>) -> Option<News> {
        loop {
            match self.news.pop_front() {
                Some(News::Call(call, arguments)) => match self.calls.get_mut(&call.spec.id) {
                    Some(served) => {
                        served.known = true;
                        // Somebody may have asked before there was anybody to tell.
                        served.asked = call.cancel_requested();
                        if served.asked {
                            self.news.push_front(News::Asked(call.spec.id));
                        }
                        return Some(News::Call(call, arguments));
                    }
                    // It was ended before the guest heard of it.
                    None => {
                        gone.push(News::Call(call, arguments));
                        continue;
                    }
                },
                Some(news) => return Some(news),
                None => {}
            }
            self.over |= self.calls.is_empty();
            return self.over.then_some(News::Over);
        }
    }

    /// A call that the guest does not run is over. Gives what it is not told of any more, to be dropped where nobody holds the
    /// lock.
    #[must_use = "to be dropped where no lock is held"]
    fn end(&mut self, call: TaskId, end: End) -> Vec<News> {
        let Some(served) = self.calls.remove(&call) else { return Vec::new() };
        self.ends.push_back(Ended { call: served.task, waited: served.waits, end, unstored: None });
        if served.known {
            self.news.push_back(News::Dropped(call));
            return Vec::new();
        }
        // It may come again, for another attempt, before the guest would have heard of this one.
        let is_its = |news: &News| matches!(news, News::Call(new, _) if new.spec.id == call);
        let (gone, kept) = std::mem::take(&mut self.news).into_iter().partition(is_its);
        self.news = kept;
        Vec::from_iter::<VecDeque<News>>(gone)
    }

    fn look_who_is_asked(&mut self) {
        for (id, served) in &mut self.calls {
            if !served.asked && served.known && served.task.cancel_requested() {
                served.asked = true;
                self.news.push_back(News::Asked(*id));
            }
        }
    }
}

/// Ends one of the calls.
struct Ender {
    concurrent_calls: Weak<ConcurrentCalls>,
    call: TaskId,
}

impl Stop for ConcurrentCalls {
    fn stop(&self, reason: StopReason) -> bool {
        self.whole.stop(reason)
    }
}

impl Stop for Ender {
    /// Who runs them settles the call, so that nobody else has to.
    fn stop(&self, reason: StopReason) -> bool {
        match (self.concurrent_calls.upgrade(), reason) {
            (None, _) => false,
            (Some(concurrent_calls), StopReason::Cancelled | StopReason::Deadline) => {
                concurrent_calls.stop_one(self.call, reason);
                false
            }
            (Some(concurrent_calls), StopReason::ActorKilled | StopReason::HostShutDown | StopReason::BudgetBurned) => {
                concurrent_calls.whole.stop(reason)
            }
        }
    }
}

/// Rung when one of the calls is asked to stop.
struct Bell(Weak<ConcurrentCalls>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(concurrent_calls) = self.0.upgrade() {
            concurrent_calls.rung.store(true, Ordering::Release);
            concurrent_calls.guest.wake();
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests;
