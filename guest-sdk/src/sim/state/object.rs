//! Objects: values, or errors, that are there or that a task will make. Who makes one and who waits for it is known by number
//! only: tasks hold objects.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::bindings::rustyray::core::types::{Encoding, TaskError};
use crate::sim::state::actor_ref::ActorRef;
use crate::sim::sync::lock;

#[derive(Clone, Debug)]
pub struct ObjectRef(pub(crate) Arc<Object>);

/// What a value can refer to.
#[derive(Clone, Debug)]
pub enum Reference {
    Object(ObjectRef),
    Actor(ActorRef),
}

/// What an object has, once it is there.
pub(crate) type Outcome = Result<Value, Arc<TaskError>>;

/// A payload that can be given out again and again.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) encoding: Encoding,
    pub(crate) data: Arc<[u8]>,
    pub(crate) references: Arc<[Reference]>,
}

impl Value {
    /// Plain bytes.
    pub(crate) fn bytes(data: &[u8]) -> Self {
        Self { encoding: Encoding::Raw, data: data.into(), references: Arc::new([]) }
    }
}

/// Counted by its handles, and gone with the last one.
pub(crate) struct Object {
    /// For logs.
    pub(crate) id: u64,
    /// How many of its test there are.
    count: Arc<AtomicUsize>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    outcome: Option<Outcome>,
    producer: Option<u64>,
    waiters: Vec<Waiter>,
}

/// Where objects are made, and given what they are to have.
pub(crate) trait ObjectStore {
    /// An object that is to come.
    fn promise(&self) -> Arc<Object>;

    /// Gives an object its outcome, and tells all who wait for it.
    fn seal(&self, object: &Object, outcome: Outcome);

    /// An object that is there.
    fn sealed(&self, outcome: Outcome) -> Arc<Object> {
        let object = self.promise();
        object.seal(outcome);
        object
    }
}

/// Who is to hear when an object is there, by number.
#[derive(Clone, Copy)]
pub(crate) enum Waiter {
    /// An instance, and which of its waits.
    Instance(u64, u64),
    /// One whose argument it is.
    Task(u64),
}

impl Object {
    /// One that is to come.
    pub(crate) fn promise(id: u64, count: &Arc<AtomicUsize>) -> Arc<Self> {
        count.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, count: count.clone(), inner: Mutex::default() })
    }

    /// Says who makes it.
    pub(crate) fn made_by(&self, task: u64) {
        lock(&self.inner).producer = Some(task);
    }

    /// Who makes it, unless it is there.
    pub(crate) fn producer(&self) -> Option<u64> {
        let inner = lock(&self.inner);
        if inner.outcome.is_some() { None } else { inner.producer }
    }

    pub(crate) fn is_ready(&self) -> bool {
        lock(&self.inner).outcome.is_some()
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        lock(&self.inner).outcome.clone()
    }

    /// Has `waiter` hear of it. False if the object is there already.
    pub(crate) fn watch(&self, waiter: Waiter) -> bool {
        let mut inner = lock(&self.inner);
        let is_to_come = inner.outcome.is_none();
        if is_to_come {
            inner.waiters.push(waiter);
        }
        is_to_come
    }

    /// The instance waits no more.
    pub(crate) fn unwatch(&self, instance: u64) {
        lock(&self.inner)
            .waiters
            .retain(|waiter| !matches!(waiter, Waiter::Instance(waiting, _) if *waiting == instance));
    }

    /// The first outcome stays. Gives those who are to hear of it.
    pub(crate) fn seal(&self, outcome: Outcome) -> Vec<Waiter> {
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
