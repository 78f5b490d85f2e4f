//! What is kept of an actor's state while it lives, and when it is due again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::state::object::ObjectRef;
use crate::state::task::cancellation::Stop;
use crate::types::sync::{Mutex, rank};

/// The newest checkpoint of an actor.
pub struct Saved {
    /// Calls after which the state is saved; 0 for never by itself.
    every: u32,
    /// Calls since the last checkpoint.
    calls: AtomicU32,
    /// Did the call that runs ask for one?
    asked: AtomicBool,
    /// Does the end of the host wait for one?
    awaited: AtomicBool,
    /// An object that nobody else holds: it is counted, and spilled, as all are.
    newest: Mutex<Option<ObjectRef>, { rank::ACTOR }>,
    /// Ends the saving that goes on at the actor's end.
    saving: Mutex<Option<Arc<dyn Stop>>, { rank::ACTOR }>,
}

impl Saved {
    /// Nothing is saved yet.
    pub fn new(every: u32) -> Self {
        let (calls, asked, awaited) = (AtomicU32::new(0), AtomicBool::new(false), AtomicBool::new(false));
        Saved { every, calls, asked, awaited, newest: Mutex::new(None), saving: Mutex::new(None) }
    }

    /// What ends the saving at the actor's end, while it goes on.
    pub fn set_saving(&self, saving: Option<Arc<dyn Stop>>) {
        let before = std::mem::replace(&mut *self.saving.lock(), saving);
        drop(before);
    }

    /// The same, for whoever kills the actor.
    pub fn saving(&self) -> Option<Arc<dyn Stop>> {
        self.saving.lock().clone()
    }

    /// The call that runs asks for a checkpoint at its end.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
    }

    /// The end of the host waits for the next checkpoint.
    pub fn await_one(&self) {
        self.awaited.store(true, Ordering::Release);
    }

    /// Does it wait still?
    pub fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Acquire)
    }

    /// A call was served; is a checkpoint due?
    pub fn served(&self) -> bool {
        let calls = self.calls.fetch_add(1, Ordering::AcqRel) + 1;
        let asked = self.asked.swap(false, Ordering::AcqRel);
        asked || (self.every > 0 && calls >= self.every)
    }

    /// Was a call served since the last checkpoint?
    pub fn is_changed(&self) -> bool {
        self.calls.load(Ordering::Acquire) > 0
    }

    /// The state was saved, or is what was saved; the next time is counted from here.
    pub fn settled(&self) {
        self.asked.store(false, Ordering::Release);
        self.calls.store(0, Ordering::Release);
        self.awaited.store(false, Ordering::Release);
    }

    /// Keeps a checkpoint in place of the one before.
    pub fn keep(&self, state: ObjectRef) {
        let before = self.newest.lock().replace(state);
        drop(before);
    }

    /// Lets go of a checkpoint that is good for nothing.
    pub fn forget(&self) {
        let before = self.newest.lock().take();
        drop(before);
    }

    /// The newest.
    pub fn newest(&self) -> Option<ObjectRef> {
        self.newest.lock().clone()
    }
}
