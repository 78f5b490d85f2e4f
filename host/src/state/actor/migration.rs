//! Where an actor lives that moved to another version of its module, and who waits for it to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::plans::ActorPlans;
use crate::state::object::ObjectRef;
use crate::types::error::TaskError;
use crate::types::module_info::ModuleInfo;
use crate::types::plan::TaskPlan;
use crate::types::sync::{Mutex, rank};

/// The version that an actor moved to.
pub struct Home {
    /// The version.
    pub module: Arc<ModuleInfo>,
    /// How its calls run there.
    pub plans: ActorPlans,
    /// How it is constructed there, when it starts again.
    pub construct: Arc<TaskPlan>,
}

/// The moves of one actor.
#[derive(Default)]
pub struct Moves {
    /// Most actors never move, and each call asks.
    has_moved: AtomicBool,
    inner: Mutex<Inner, { rank::ACTOR }>,
}

#[derive(Default)]
struct Inner {
    home: Option<Arc<Home>>,
    /// Is told when the actor has moved, or why it did not. One for all who ask meanwhile.
    asked: Option<ObjectRef>,
    /// Why it never will.
    over: Option<Arc<TaskError>>,
}

impl Moves {
    /// Where it lives now; `None` where it was created.
    pub fn home(&self) -> Option<Arc<Home>> {
        if !self.has_moved.load(Ordering::Acquire) {
            return None;
        }
        self.inner.lock().home.clone()
    }

    /// It lives there from now on.
    pub fn settle(&self, home: Home) {
        let before = self.inner.lock().home.replace(Arc::new(home));
        self.has_moved.store(true, Ordering::Release);
        drop(before);
    }

    /// Asks the actor to move, with what is told how that went; gives the same to all who ask meanwhile.
    ///
    /// # Errors
    /// Why it is dead.
    pub fn ask(&self, promise: impl FnOnce() -> ObjectRef) -> Result<ObjectRef, Arc<TaskError>> {
        let mut inner = self.inner.lock();
        match &inner.over {
            Some(cause) => Err(cause.clone()),
            None => Ok(inner.asked.get_or_insert_with(promise).clone()),
        }
    }

    /// Does anybody wait for it to move?
    pub fn is_asked(&self) -> bool {
        self.inner.lock().asked.is_some()
    }

    /// What those wait for who asked until now.
    pub fn take(&self) -> Option<ObjectRef> {
        self.inner.lock().asked.take()
    }

    /// It is dead; gives what those wait for who asked.
    pub fn end(&self, cause: &Arc<TaskError>) -> Option<ObjectRef> {
        let mut inner = self.inner.lock();
        inner.over.get_or_insert_with(|| cause.clone());
        inner.asked.take()
    }
}
