//! Which test, and which of its frames, this thread belongs to.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::actor::Actor;
use super::actor_ref::ActorRef;
use super::frame::{Ended, Frame};
use super::job::Job;
use super::ready_queue::Turn;
use super::world::World;

/// Rounds in which all that is ready has its turn, after which a program is taken to be one that polls for ever.
const ROUNDS_MAX: u32 = 10_000;

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

const NO_HOST: &str = "there is no host here: run the program with rustyray-host; in a test, put `#[rustyray::test]` on \
                       it, or call this inside of `rustyray::test`, on its thread";

/// This thread's place.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) world: Arc<World>,
    pub(super) frame: Arc<Frame>,
}

/// The thread belongs to this frame from here on.
pub(super) fn enter(world: &Arc<World>, frame: &Arc<Frame>) {
    CURRENT.set(Some(Current { world: world.clone(), frame: frame.clone() }));
}

/// The thread belongs to no test any more.
pub(super) fn leave() {
    // Not there either while the thread-locals of a thread that ends are dropped.
    let before = CURRENT.try_with(RefCell::take);
    drop(before);
}

/// This thread's place, if it has one.
pub(super) fn find() -> Option<Current> {
    // None either while the thread-locals of a thread that ends are dropped.
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// This thread's place, for a call of the host. A frame that is to end ends here.
///
/// # Panics
/// On a thread that belongs to no test.
pub(super) fn get() -> Current {
    #[cfg(test)]
    super::mock::enter_if_nowhere();
    let current = find().expect(NO_HOST);
    current.end_if_stopped();
    current
}

impl Current {
    pub(super) fn job(&self) -> Arc<Job> {
        self.frame.job()
    }

    /// The actor of a handle. It is there as long as the handle is.
    pub(super) fn actor(&self, handle: &ActorRef) -> Arc<Actor> {
        let actor = self.world.actor(&handle.0.spec).filter(|actor| Arc::ptr_eq(&actor.spec, &handle.0.spec));
        actor.expect("a handle is to an actor of its own test")
    }

    /// Lets all go on that can without time passing.
    pub(super) fn settle(&self) {
        for _ in 0..ROUNDS_MAX {
            self.world.ready(Turn::Go(self.frame.clone()));
            self.world.hand_on(&self.frame);
            if self.world.is_quiet() {
                return;
            }
        }
    }

    /// Is the guest being unwound, or over? Then nothing may unwind once more, and nothing can be waited for.
    pub(super) fn is_ending(&self) -> bool {
        self.frame.is_closed() || thread::panicking() || self.world.is_halted()
    }

    /// Unwinds the frame, if it is to end.
    pub(super) fn end_if_stopped(&self) {
        if self.frame.stopped().is_some() && !thread::panicking() && !self.frame.is_closed() {
            resume_unwind(Box::new(Ended));
        }
    }
}
