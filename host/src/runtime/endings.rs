//! The threads that end tasks: at their deadlines, with their parents, with what they wait for. They do nothing else and wait for
//! nobody, so that no guest, disk or function of an embedder's holds up a deadline. What ends many is done in steps, in turn with
//! the rest.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::{Condvar, Mutex};

use super::Runtime;
use super::crew::Presence;
use crate::state::timers::Due;
use crate::words::limits::END_THREADS;

/// A step of what ends many; true if another is to follow.
pub(super) type Step = Box<dyn FnMut(&Runtime) -> bool + Send>;

/// What is to end.
///
/// It is bounded by the tasks that there are: each is due once, and ends its children once.
#[derive(Default)]
pub(super) struct Endings {
    line: Mutex<Line>,
    more: Condvar,
}

#[derive(Default)]
struct Line {
    /// Before all else.
    due: VecDeque<Due>,
    /// Each makes a step, and goes to the end.
    steps: VecDeque<Step>,
    closed: bool,
}

enum Ending {
    Due(Due),
    Step(Step),
}

impl Endings {
    /// These are due.
    pub fn due(&self, due: Vec<Due>) {
        let mut line = self.line.lock();
        line.due.extend(due);
        drop(line);
        self.more.notify_all();
    }

    /// Has it done step after step.
    pub fn begin(&self, step: Step) {
        let mut line = self.line.lock();
        let refused = match line.closed {
            // All has ended already.
            true => Some(step),
            false => {
                line.steps.push_back(step);
                None
            }
        };
        drop(line);
        self.more.notify_one();
        drop(refused);
    }

    /// Takes what is due and was not seen to: at the end nobody else will.
    pub fn take_due(&self) -> VecDeque<Due> {
        std::mem::take(&mut self.line.lock().due)
    }

    /// The threads end.
    pub fn close(&self) {
        let mut line = self.line.lock();
        line.closed = true;
        let left = std::mem::take(&mut line.steps);
        drop(line);
        self.more.notify_all();
        drop(left);
    }

    /// Waits until something is to end; false at the end.
    fn wait(&self) -> bool {
        let mut line = self.line.lock();
        while !line.closed && line.due.is_empty() && line.steps.is_empty() {
            self.more.wait(&mut line);
        }
        !line.closed
    }

    fn next(&self) -> Option<Ending> {
        let mut line = self.line.lock();
        let due = line.due.pop_front().map(Ending::Due);
        due.or_else(|| line.steps.pop_front().map(Ending::Step))
    }
}

impl Runtime {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start_endings(self: &Arc<Self>, presence: &Arc<Presence>) -> std::io::Result<()> {
        for number in 0..END_THREADS {
            let (endings, runtime) = (self.endings.clone(), Arc::downgrade(self));
            let thread = std::thread::Builder::new().name(format!("rustyray-end-{number}"));
            presence.spawn(thread, move || serve(&endings, &runtime))?;
        }
        Ok(())
    }

    /// Has something end that is many, or that is not to end here.
    pub(super) fn apart(&self, step: impl FnMut(&Runtime) -> bool + Send + 'static) {
        self.endings.begin(Box::new(step));
    }

    fn end_next(&self) {
        match self.endings.next() {
            Some(Ending::Due(due)) => self.handle(due),
            Some(Ending::Step(mut step)) => {
                let mut more = false;
                // A panic on the way is the end of all its steps.
                self.survives("ended tasks", || more = step(self));
                match more {
                    true => self.endings.begin(step),
                    false => drop(step),
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
        runtime.end_next();
    }
}
