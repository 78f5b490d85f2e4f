//! Which test, and which of its instances, this thread belongs to.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use crate::sim::exports::Exports;
use crate::sim::runtime::Runtime;
use crate::sim::state::actor::ActorRecord;
use crate::sim::state::actor_ref::ActorRef;
use crate::sim::state::instance::{Ended, Instance};
use crate::sim::state::ready_queue::Turn;
use crate::sim::state::task::TaskRecord;

/// Rounds in which all that is ready has its turn, after which a program is taken to be one that polls for ever.
const ROUNDS_MAX: u32 = 10_000;

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

const NO_HOST: &str = "there is no host here: run the program with rustyray-host; in a test, put `#[rustyray::test]` on \
                       it, or call this inside of `rustyray::test`, on its thread";

/// This thread's place.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) instance: Arc<Instance>,
}

/// Has a thread belong to no test any more.
fn leave() {
    // Not there either while the thread-locals of a thread that ends are dropped.
    let before = CURRENT.try_with(RefCell::take);
    drop(before);
}

/// The thread belongs to this instance from here on.
pub(crate) fn enter(runtime: &Arc<Runtime>, instance: &Arc<Instance>) {
    CURRENT.set(Some(Current { runtime: runtime.clone(), instance: instance.clone() }));
}

/// A test's thread is inside of a runtime of the test's own, which ends with this, also after a panic.
pub(crate) struct Inside(Current);

impl Inside {
    pub(crate) fn new(program: Exports) -> Self {
        let (runtime, instance) = Runtime::new(program);
        enter(&runtime, &instance);
        Self(Current { runtime, instance })
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.runtime.shut_down(&self.0.instance);
        leave();
    }
}

/// This crate's own tests say nothing: each has a runtime from its first call on, until its thread ends.
#[cfg(test)]
fn enter_if_nowhere() {
    thread_local! {
        static OWN: RefCell<Option<Inside>> = const { RefCell::new(None) };
    }
    if find().is_none() {
        OWN.set(Some(Inside::new(crate::export::EXPORTS)));
    }
}

/// This thread's place, if it has one.
pub(crate) fn find() -> Option<Current> {
    // None either while the thread-locals of a thread that ends are dropped.
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// This thread's place, for a call of the host. An instance that is to end ends here.
///
/// # Panics
/// On a thread that belongs to no test.
pub(crate) fn get() -> Current {
    #[cfg(test)]
    enter_if_nowhere();
    let current = find().expect(NO_HOST);
    current.end_if_stopped();
    current
}

impl Current {
    pub(crate) fn task(&self) -> Arc<TaskRecord> {
        self.instance.task()
    }

    /// The actor of a handle. It is there as long as the handle is.
    pub(crate) fn actor(&self, handle: &ActorRef) -> Arc<ActorRecord> {
        let actor = self.runtime.actor(&handle.0.spec).filter(|actor| Arc::ptr_eq(&actor.spec, &handle.0.spec));
        actor.expect("a handle is to an actor of its own test")
    }

    /// Lets all go on that can without time passing.
    pub(crate) fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            self.runtime.ready(Turn::Go(self.instance.clone()));
            self.runtime.hand_on(&self.instance);
            if self.runtime.is_quiet() {
                return;
            }
        }
    }

    /// Is the guest being unwound, or over? Then nothing may unwind once more, and nothing can be waited for.
    pub(crate) fn is_ending(&self) -> bool {
        self.instance.is_closed() || thread::panicking() || self.runtime.is_halted()
    }

    /// Unwinds the instance, if it is to end.
    pub(crate) fn end_if_stopped(&self) {
        if self.instance.stopped().is_some() && !thread::panicking() && !self.instance.is_closed() {
            resume_unwind(Box::new(Ended));
        }
    }
}
