//! What pending futures wait for, and the host call that waits for all of it.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::host::calls::{self, Event};
use crate::host::types::{ObjectRef, Payload, TaskError};
use crate::host::{self, nanoseconds, objects};

thread_local! {
    static REACTOR: RefCell<Reactor> = const { RefCell::new(Reactor::new()) };
}

/// Runs `f` with this thread's reactor. Nothing in here calls a waker, so `f` is never entered twice.
pub(super) fn with<T>(f: impl FnOnce(&mut Reactor) -> T) -> T {
    REACTOR.with_borrow_mut(f)
}

/// Waits until something that a future waits for has happened, and wakes it.
pub(super) fn park() {
    if let Some(waker) = with(Reactor::fetch) {
        return waker.wake();
    }
    wake(with(|reactor| {
        let nearest = reactor.nearest();
        assert!(
            nearest.is_some() || reactor.objects().next().is_some(),
            "the future is pending, but waits for no object and no timer: nothing can ever wake it"
        );
        reactor.wait(nearest)
    }));
}

/// Wakes what has happened already, without waiting.
pub(super) fn look() {
    wake(with(|reactor| if reactor.live() == 0 { Vec::new() } else { reactor.wait(Some(Duration::ZERO)) }));
}

pub(super) fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

pub(super) struct Reactor {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
    /// How far the guest's clock is behind what the host's waits have shown. A host may give a guest a clock that stands
    /// still, and a timer has to fire nevertheless.
    skew: Duration,
    /// The call that runs, where the instance serves several at once; what is added is its own.
    pub(super) runs: u64,
}

/// One pending future. It is put here by its first poll and taken away when it is dropped.
pub(super) struct Entry {
    pub(super) waker: Waker,
    pub(super) source: Source,
    pub(super) state: State,
    /// The call that it was made in.
    call: u64,
}

/// What a future waits for.
pub(super) enum Source {
    Object(Arc<ObjectRef>),
    /// As many as `missing` of the objects that are not yet in `ready`.
    Group {
        objects: Vec<Arc<ObjectRef>>,
        ready: Vec<bool>,
        missing: usize,
    },
    Timer(Instant),
}

pub(super) enum State {
    Waiting,
    /// An object that was waited for alone brings its value along.
    Happened(Option<Payload>),
    /// The object has an error, or the task was asked to stop.
    Failed(Box<TaskError>),
}

/// An object in a host call: its entry, and which one of a group it is.
type Place = (usize, usize);

impl Reactor {
    const fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), skew: Duration::ZERO, runs: 0 }
    }

    pub(super) fn live(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    pub(super) fn add(&mut self, source: Source, waker: Waker) -> usize {
        let entry = Some(Entry { waker, source, state: State::Waiting, call: self.runs });
        let key = self.free.pop().unwrap_or(self.entries.len());
        match self.entries.get_mut(key) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        key
    }

    pub(super) fn entry(&mut self, key: usize) -> &mut Entry {
        self.entries[key].as_mut().expect("an interest holds its entry until it is dropped")
    }

    pub(super) fn remove(&mut self, key: usize) -> Option<Entry> {
        let removed = self.entries[key].take();
        self.free.push(key);
        if self.live() == 0 {
            // A large join leaves no places behind that every later park would look at.
            self.entries.clear();
            self.free.clear();
        }
        removed
    }

    pub(super) fn now(&self) -> Instant {
        host::now() + self.skew
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let entries = self.entries.iter().enumerate().filter_map(|(key, entry)| Some((key, entry.as_ref()?)));
        entries.filter(|(_, entry)| matches!(entry.state, State::Waiting))
    }

    /// Every object that somebody still waits for.
    fn objects(&self) -> impl Iterator<Item = (Place, &ObjectRef)> {
        self.waiting()
            .flat_map(|(key, entry)| entry.source.objects().map(move |(member, object)| ((key, member), object)))
    }

    /// Time until the next timer.
    pub(super) fn nearest(&self) -> Option<Duration> {
        let deadline = self.waiting().filter_map(|(_, entry)| entry.source.deadline()).min()?;
        Some(deadline.saturating_duration_since(self.now()))
    }

    /// How many objects make it worth coming back: all that a group misses when there is nothing else, else any.
    fn count(&self) -> u32 {
        let mut sources = self.waiting().map(|(_, entry)| &entry.source).filter(|source| source.deadline().is_none());
        match (sources.next(), sources.next()) {
            (Some(Source::Group { missing, .. }), None) => u32::try_from(*missing).unwrap_or(u32::MAX),
            _ => 1,
        }
    }

    /// Where one object is all that is waited for, the host's `get` parks as well as its `wait`, and gives the value.
    fn fetch(&mut self) -> Option<Waker> {
        if self.live() != 1 {
            return None;
        }
        let entry = self.entries.iter_mut().find_map(Option::as_mut)?;
        let (Source::Object(object), State::Waiting) = (&entry.source, &entry.state) else {
            return None;
        };
        entry.state = match objects::get(object, None) {
            Ok(value) => State::Happened(Some(value)),
            Err(error) => State::Failed(Box::new(error)),
        };
        Some(entry.waker.clone())
    }

    /// One host call for everything. Gives the wakers of what happened.
    fn wait(&mut self, timeout: Option<Duration>) -> Vec<Waker> {
        let (places, objects): (Vec<Place>, Vec<&ObjectRef>) = self.objects().unzip();
        let until = timeout.map(|timeout| self.now() + timeout);
        match objects::wait(&objects, self.count(), timeout.map(nanoseconds)) {
            Err(error) => self.stop(self.runs, &error),
            Ok(indices) => self.came(&places, &indices, until),
        }
    }

    /// The same, for the next call as well; of what else there is to know the caller hears.
    pub(super) fn wait_for_calls(&mut self, timeout: Option<Duration>) -> Result<Vec<Waker>, Event> {
        let (places, objects): (Vec<Place>, Vec<&ObjectRef>) = self.objects().unzip();
        let until = timeout.map(|timeout| self.now() + timeout);
        match calls::next(&objects, self.count(), timeout.map(nanoseconds)) {
            Event::Ready(indices) => Ok(self.came(&places, &indices, until)),
            event => Err(event),
        }
    }

    /// What happened by the end of a wait. Without an object it is the time.
    fn came(&mut self, places: &[Place], indices: &[u32], until: Option<Instant>) -> Vec<Waker> {
        if let (true, Some(until)) = (indices.is_empty(), until) {
            // The host says that the time is over: believe it rather than the guest's clock.
            self.skew += until.saturating_duration_since(self.now());
        }
        let mut wakers = Vec::new();
        for index in indices {
            let (key, member) = places[*index as usize];
            wakers.extend(self.entries[key].as_mut().and_then(|entry| entry.arrived(member)));
        }
        self.fire(&mut wakers);
        wakers
    }

    fn fire(&mut self, wakers: &mut Vec<Waker>) {
        if self.waiting().all(|(_, entry)| entry.source.deadline().is_none()) {
            return; // no timer: the clock need not be asked
        }
        let now = self.now();
        for entry in self.entries.iter_mut().flatten() {
            if matches!(entry.state, State::Waiting) && entry.source.deadline().is_some_and(|deadline| deadline <= now)
            {
                wakers.push(entry.happened());
            }
        }
    }

    /// Somebody asked this task, or call, to stop. Whatever waits in it learns it now: it would not be told again.
    pub(super) fn stop(&mut self, call: u64, error: &TaskError) -> Vec<Waker> {
        let waits = |entry: &&mut Entry| entry.call == call && matches!(entry.state, State::Waiting);
        let waiting = self.entries.iter_mut().flatten().filter(waits);
        let stop = |entry: &mut Entry| {
            entry.state = State::Failed(Box::new(error.clone()));
            entry.waker.clone()
        };
        waiting.map(stop).collect()
    }
}

impl Entry {
    fn happened(&mut self) -> Waker {
        self.state = State::Happened(None);
        self.waker.clone()
    }

    fn arrived(&mut self, member: usize) -> Option<Waker> {
        if let Source::Group { ready, missing, .. } = &mut self.source {
            ready[member] = true;
            *missing = missing.saturating_sub(1);
            if *missing > 0 {
                return None;
            }
        }
        Some(self.happened())
    }
}

impl Source {
    fn deadline(&self) -> Option<Instant> {
        if let Self::Timer(deadline) = self { Some(*deadline) } else { None }
    }

    fn objects(&self) -> impl Iterator<Item = (usize, &ObjectRef)> {
        let (objects, ready) = match self {
            Self::Object(object) => (std::slice::from_ref(object), &[][..]),
            Self::Group { objects, ready, .. } => (&objects[..], &ready[..]),
            Self::Timer(_) => (&[][..], &[][..]),
        };
        let missing = move |member: &usize| !ready.get(*member).copied().unwrap_or(false);
        (0..objects.len()).filter(missing).map(|member| (member, &*objects[member]))
    }
}
