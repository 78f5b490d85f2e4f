//! The calls that wait for one actor, in the order in which they were made.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::task::TaskRecord;
use crate::words::error::{ErrorKind, TaskError};

/// What an actor has to do next.
#[derive(Debug)]
pub enum Event {
    /// Serve this call.
    Call(Arc<TaskRecord>),
    /// End, or start again.
    Kill {
        /// Start again, if it may.
        restart: bool,
    },
    /// Nobody holds a handle, and every call is served.
    Closed,
}

/// A bounded queue with one reader, the actor's loop.
pub struct Mailbox {
    inner: Mutex<Inner>,
    max: usize,
}

struct Inner {
    calls: VecDeque<Arc<TaskRecord>>,
    kill: Option<bool>,
    closing: bool,
    dead: Option<Arc<TaskError>>,
    reader: Option<Waker>,
}

impl Mailbox {
    /// A mailbox for at most `max` calls.
    pub fn new(max: usize) -> Self {
        let inner = Inner { calls: VecDeque::new(), kill: None, closing: false, dead: None, reader: None };
        Mailbox { inner: Mutex::new(inner), max }
    }

    /// Puts a call at the end.
    ///
    /// # Errors
    /// `ActorDied` or `PendingCallsLimitExceeded`; the call is the caller's to settle.
    pub fn push(&self, call: Arc<TaskRecord>) -> Result<(), TaskError> {
        let mut inner = self.inner.lock();
        if let Some(cause) = &inner.dead {
            return Err(TaskError::new(ErrorKind::ActorDied, "the actor is dead").caused_by(cause));
        }
        if inner.calls.len() >= self.max {
            let text = format!("{} calls wait for the actor already: await some of them first", self.max);
            return Err(TaskError::new(ErrorKind::PendingCallsLimitExceeded, text));
        }
        inner.calls.push_back(call);
        inner.wake();
        Ok(())
    }

    /// Puts a call back that is to be served once more, before all others.
    pub fn push_first(&self, call: Arc<TaskRecord>) {
        let mut inner = self.inner.lock();
        inner.calls.push_front(call);
        inner.wake();
    }

    /// Looks again: the first call may have its arguments now.
    pub fn wake(&self) {
        self.inner.lock().wake();
    }

    /// No call will come any more.
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closing = true;
        inner.wake();
    }

    /// Has the actor end, or start again, before the next call.
    pub fn kill(&self, restart: bool) {
        let mut inner = self.inner.lock();
        // A kill for good is not weakened by one that would restart.
        inner.kill = Some(restart && inner.kill != Some(false));
        inner.wake();
    }

    /// Is a kill waiting to be seen?
    pub fn kill_pending(&self) -> bool {
        self.inner.lock().kill.is_some()
    }

    /// The actor is dead; gives the calls that nobody will serve. The first cause stays.
    pub fn die(&self, cause: Arc<TaskError>) -> VecDeque<Arc<TaskRecord>> {
        let mut inner = self.inner.lock();
        inner.dead.get_or_insert(cause);
        std::mem::take(&mut inner.calls)
    }

    /// Why the actor is dead, if it is.
    pub fn death(&self) -> Option<Arc<TaskError>> {
        self.inner.lock().dead.clone()
    }

    /// The next thing to do, once there is one.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut inner = self.inner.lock();
        let next = inner.next();
        if next.is_none() {
            inner.reader = Some(cx.waker().clone());
        }
        next.map_or(Poll::Pending, Poll::Ready)
    }

    /// The next thing to do, if there is one.
    pub fn next(&self) -> Option<Event> {
        self.inner.lock().next()
    }
}

impl Inner {
    /// A call whose arguments are missing holds up those behind it: order is kept.
    fn next(&mut self) -> Option<Event> {
        if let Some(restart) = self.kill.take() {
            return Some(Event::Kill { restart });
        }
        while self.calls.front().is_some_and(|call| call.is_done()) {
            self.calls.pop_front();
        }
        match self.calls.front() {
            Some(call) if call.is_released() => self.calls.pop_front().map(Event::Call),
            None if self.closing => Some(Event::Closed),
            _ => None,
        }
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}
