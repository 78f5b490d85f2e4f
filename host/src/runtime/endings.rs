//! The threads that end tasks: at their deadlines, with their parents, with what they wait for. They do nothing else, so that no guest or
//! disk holds up a deadline. What ends many is done in steps, in turn with the rest. Where none of them comes to an end with what it
//! does, because what a guest or an embedder's future holds does not go, there are more of them for a while.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use super::Runtime;
use super::workers::Presence;
use crate::state::object::store;
use crate::state::object::store::Apart;
use crate::state::queue::timers::Due;
use crate::types::limits::{END_PATIENCE, END_THREADS, END_THREADS_MAX};

/// A step of what ends many; true if another is to follow.
pub(super) type Step = Box<dyn FnMut(&Runtime) -> bool + Send>;

/// What is to end.
///
/// It is bounded by the tasks that there are: each is due once, ends its children once, has them asked once, and tells those who wait for
/// its result once. Beside them there is one search for cycles.
#[derive(Default)]
pub(super) struct Endings {
    line: Mutex<Line>,
    more: Condvar,
    /// No thread is free for what came.
    pressed: Notify,
}

#[derive(Default)]
struct Line {
    /// Before all else.
    due: VecDeque<Due>,
    /// Each makes a step, and goes to the end.
    steps: VecDeque<Step>,
    threads: usize,
    /// Threads that wait for something to do.
    free: usize,
    /// Counts what was taken.
    taken: u64,
    closed: bool,
}

impl Apart for Arc<Endings> {
    fn work(&self, mut step: store::Step) {
        let step = move |runtime: &Runtime| {
            // At the end of the host nobody goes on with it.
            let more = !runtime.is_halted() && step();
            // Tasks may be ready now.
            runtime.dispatch();
            more
        };
        drop(self.begin(Box::new(step)));
    }
}

enum Ending {
    Due(Due),
    Step(Step),
}

impl Line {
    fn is_empty(&self) -> bool {
        self.due.is_empty() && self.steps.is_empty()
    }
}

impl Endings {
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
    pub fn begin(&self, step: Step) -> Option<Step> {
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
    fn wait(&self) -> bool {
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

    fn next(&self) -> Option<Ending> {
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
    fn lacks_a_thread(&self, seen: &mut u64) -> Option<bool> {
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

impl Runtime {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start_endings(self: &Arc<Self>, presence: &Arc<Presence>) -> std::io::Result<()> {
        for _ in 0..END_THREADS {
            self.endings.line.lock().threads += 1;
            self.start_to_end(presence)?;
        }
        Ok(())
    }

    fn start_to_end(self: &Arc<Self>, presence: &Arc<Presence>) -> std::io::Result<()> {
        let (endings, runtime) = (self.endings.clone(), Arc::downgrade(self));
        let thread = std::thread::Builder::new().name("rustyray-end".to_owned());
        let started = presence.spawn(thread, move || serve(&endings, &runtime));
        started.map(drop).inspect_err(|_| self.endings.line.lock().threads -= 1)
    }

    /// Has something end that is many, or that is not to end here.
    pub(super) fn apart(&self, step: impl FnMut(&Runtime) -> bool + Send + 'static) {
        // At the end of the host all has ended already.
        drop(self.endings.begin(Box::new(step)));
    }

    fn end_next(&self) {
        match self.endings.next() {
            Some(Ending::Due(due)) => self.handle(due),
            Some(Ending::Step(mut step)) => {
                if step(self)
                    && let Some(mut step) = self.endings.begin(step)
                {
                    while step(self) {}
                }
            }
            None => {}
        }
    }
}

fn serve(endings: &Endings, runtime: &Weak<Runtime>) {
    while endings.wait() {
        // Before anything is taken: what is taken is seen to.
        let Some(runtime) = runtime.upgrade() else { return };
        // A panic on the way ends what it is in, and not the thread.
        runtime.survives("ended tasks", || runtime.end_next());
    }
}

/// Sees to it that there is a thread for what is to end. Runs until it is dropped.
pub(super) async fn mind(runtime: Arc<Runtime>) {
    let mut seen = 0;
    loop {
        runtime.endings.pressed.notified().await;
        loop {
            tokio::time::sleep(END_PATIENCE).await;
            match runtime.endings.lacks_a_thread(&mut seen) {
                None => break,
                // Where the system has none, those that are there go on.
                Some(true) => drop(runtime.start_to_end(&runtime.workers.presence)),
                Some(false) => {}
            }
        }
    }
}
