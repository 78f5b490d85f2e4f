//! Objects: values, or errors, that are there or that a job will make.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::frame::Frame;
use super::job::Job;
use super::sync::lock;
use super::types::{Encoding, Payload, Reference, TaskError};

/// What an object has, once it is there.
pub(super) type Outcome = Result<Stored, Arc<TaskError>>;

/// A payload that can be given out again and again.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(super) encoding: Encoding,
    pub(super) data: Arc<[u8]>,
    references: Arc<[Reference]>,
}

impl Stored {
    /// Plain bytes.
    pub(crate) fn bytes(data: &[u8]) -> Self {
        Self { encoding: Encoding::Raw, data: data.into(), references: Arc::new([]) }
    }

    /// A copy of a payload that stays where it is.
    pub(super) fn of(payload: &Payload) -> Self {
        let Payload { encoding, data, references } = payload;
        Self { encoding: *encoding, data: data.as_slice().into(), references: references.as_slice().into() }
    }

    /// A copy of it: whoever reads a value has one of his own.
    pub(super) fn payload(&self) -> Payload {
        Payload { encoding: self.encoding, data: self.data.to_vec(), references: self.references.to_vec() }
    }
}

impl From<Payload> for Stored {
    fn from(payload: Payload) -> Self {
        let Payload { encoding, data, references } = payload;
        Self { encoding, data: data.into(), references: references.into() }
    }
}

/// Counted by its handles, and gone with the last one.
pub(crate) struct Object {
    /// For logs.
    pub(super) id: u64,
    /// How many of its test there are.
    count: Arc<AtomicUsize>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    outcome: Option<Outcome>,
    producer: Weak<Job>,
    waiters: Vec<Waiter>,
}

/// Who is to hear when an object is there.
pub(super) enum Waiter {
    /// The wait of this number.
    Frame(Arc<Frame>, u64),
    /// One whose argument it is.
    Job(Arc<Job>),
}

impl Object {
    /// One that is to come.
    pub(super) fn promise(id: u64, count: &Arc<AtomicUsize>) -> Arc<Self> {
        count.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, count: count.clone(), inner: Mutex::default() })
    }

    /// Says who makes it.
    pub(super) fn made_by(&self, job: &Arc<Job>) {
        lock(&self.inner).producer = Arc::downgrade(job);
    }

    /// Who makes it, unless it is there.
    pub(super) fn producer(&self) -> Option<Arc<Job>> {
        let inner = lock(&self.inner);
        if inner.outcome.is_some() { None } else { inner.producer.upgrade() }
    }

    pub(super) fn is_ready(&self) -> bool {
        lock(&self.inner).outcome.is_some()
    }

    pub(super) fn outcome(&self) -> Option<Outcome> {
        lock(&self.inner).outcome.clone()
    }

    /// Has `waiter` hear of it; gives it back if the object is there already.
    pub(super) fn watch(&self, waiter: Waiter) -> Option<Waiter> {
        let mut inner = lock(&self.inner);
        if inner.outcome.is_some() {
            return Some(waiter);
        }
        inner.waiters.push(waiter);
        None
    }

    /// The frame waits no more.
    pub(super) fn unwatch(&self, frame: &Arc<Frame>) {
        lock(&self.inner)
            .waiters
            .retain(|waiter| !matches!(waiter, Waiter::Frame(waiting, _) if Arc::ptr_eq(waiting, frame)));
    }

    /// The first outcome stays. Gives those who are to hear of it.
    pub(super) fn seal(&self, outcome: Outcome) -> Vec<Waiter> {
        let mut inner = lock(&self.inner);
        if inner.outcome.is_some() {
            return Vec::new();
        }
        inner.outcome = Some(outcome);
        std::mem::take(&mut inner.waiters)
    }
}

thread_local! {
    /// What objects had that are gone, while the first of them is dropped.
    static GONE: RefCell<Option<Vec<Outcome>>> = const { RefCell::new(None) };
}

impl Drop for Object {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        // One after the other, and not one in the other: a value holds references to others, as deep as a program likes.
        let mut next = lock(&self.inner).outcome.take();
        let first = GONE.try_with(|gone| match &mut *gone.borrow_mut() {
            Some(gone) => {
                gone.extend(next.take());
                false
            }
            none => none.insert(Vec::new()).is_empty(),
        });
        // At a thread's end there may be no list any more.
        while first.unwrap_or(next.is_some()) {
            drop(next);
            next = GONE.try_with(|gone| gone.borrow_mut().as_mut().and_then(Vec::pop)).ok().flatten();
            if next.is_none() {
                let _ = GONE.try_with(RefCell::take);
                return;
            }
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.id)
    }
}
