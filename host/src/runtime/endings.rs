//! What is to end: tasks at their deadlines, with their parents, with what they wait for. What ends many is done in steps, in turn with the
//! rest.

use std::collections::VecDeque;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::state::queue::timers::Due;
use crate::types::limits::{END_THREADS, END_THREADS_MAX};

/// A step of what ends many; true if another is to follow.
pub(super) type Step<R> = Box<dyn FnMut(&R) -> bool + Send>;

/// What is to end.
///
/// It is bounded by the tasks that there are: each is due once, ends its children once, has them asked once, and tells those who wait for
/// its result once. Beside them there is one search for cycles.
pub(super) struct Endings<R> {
    line: Mutex<Line<R>>,
    more: Condvar,
    /// No thread is free for what came.
    pub pressed: Notify,
}

struct Line<R> {
    /// Before all else.
    due: VecDeque<Due>,
    /// Each makes a step, and goes to the end.
    steps: VecDeque<Step<R>>,
    threads: usize,
    /// Threads that wait for something to do.
    free: usize,
    /// Counts what was taken.
    taken: u64,
    closed: bool,
}

/// What is next.
pub(super) enum Ending<R> {
    Due(Due),
    Step(Step<R>),
}

impl<R> Line<R> {
    fn is_empty(&self) -> bool {
        self.due.is_empty() && self.steps.is_empty()
    }
}

impl<R> Default for Endings<R> {
    fn default() -> Self {
        let (due, steps) = (VecDeque::new(), VecDeque::new());
        let line = Line { due, steps, threads: 0, free: 0, taken: 0, closed: false };
        Endings { line: Mutex::new(line), more: Condvar::new(), pressed: Notify::new() }
    }
}

impl<R> Endings<R> {
    /// There is one more thread.
    pub fn add_thread(&self) {
        self.line.lock().threads += 1;
    }

    /// It could not be started.
    pub fn remove_thread(&self) {
        self.line.lock().threads -= 1;
    }

    /// These are due. Gives them back at the end of the host.
    #[must_use = "what is given back has to be dropped, where no lock is held"]
    pub fn due(&self, due: Vec<Due>) -> Vec<Due> {
        let mut line = self.line.lock();
        if line.closed {
            return due;
        }
        line.due.extend(due);
        let is_pressed = line.free == 0;
        drop(line);
        self.tell(is_pressed);
        Vec::new()
    }

    /// Has it done step after step. Gives it back at the end of the host.
    pub fn begin(&self, step: Step<R>) -> Option<Step<R>> {
        let mut line = self.line.lock();
        if line.closed {
            return Some(step);
        }
        line.steps.push_back(step);
        let is_pressed = line.free == 0;
        drop(line);
        self.tell(is_pressed);
        None
    }

    fn tell(&self, is_pressed: bool) {
        match is_pressed {
            true => self.pressed.notify_one(),
            false => drop(self.more.notify_one()),
        }
    }

    /// Takes what is due and was not seen to: at the end nobody else will.
    pub fn take_due(&self) -> VecDeque<Due> {
        std::mem::take(&mut self.line.lock().due)
    }

    /// The threads end.
    pub fn close(&self) {
        let mut line = self.line.lock();
        line.closed = true;
        let left = (std::mem::take(&mut line.due), std::mem::take(&mut line.steps));
        drop(line);
        self.more.notify_all();
        drop(left);
    }

    /// Waits until something is to end; false where this thread is.
    pub fn wait(&self) -> bool {
        let mut line = self.line.lock();
        while !line.closed && line.is_empty() && line.threads <= END_THREADS {
            line.free += 1;
            self.more.wait(&mut line);
            line.free -= 1;
        }
        let goes_on = !line.closed && !line.is_empty();
        if !goes_on {
            line.threads -= 1;
        }
        goes_on
    }

    pub fn next(&self) -> Option<Ending<R>> {
        let mut line = self.line.lock();
        line.taken += 1;
        let due = line.due.pop_front().map(Ending::Due);
        let next = due.or_else(|| line.steps.pop_front().map(Ending::Step));
        let (more, is_pressed) = (!line.is_empty(), line.free == 0);
        drop(line);
        if more {
            // Who came for it may be here, and not come back.
            self.tell(is_pressed);
        }
        next
    }

    /// Is there to be another thread, since nothing was taken after `seen`? Counts it, if so. `None` where nothing waits.
    pub fn lacks_a_thread(&self, seen: &mut u64) -> Option<bool> {
        let mut line = self.line.lock();
        if line.closed || line.is_empty() {
            return None;
        }
        let lacks = std::mem::replace(seen, line.taken) == line.taken && line.threads < END_THREADS_MAX;
        if lacks {
            line.threads += 1;
        }
        Some(lacks)
    }
}
