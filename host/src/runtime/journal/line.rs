//! Who waits for a thread of the journal: owners take turns, and what one asks for is done in its order.

use parking_lot::{Condvar, Mutex};

use crate::state::queue::round_robin::RoundRobin;

/// Requests of one sort.
pub(super) struct Line<T> {
    queue: Mutex<Queue<T>>,
    /// There is a request, or the end.
    changed: Condvar,
}

struct Queue<T> {
    requests: RoundRobin<T>,
    closed: bool,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Line { queue: Mutex::new(Queue { requests: RoundRobin::default(), closed: false }), changed: Condvar::new() }
    }
}

impl<T> Line<T> {
    /// Has it done, unless the end has come: then whoever waits for it hears that nothing comes.
    pub fn ask(&self, owner: u64, request: T) {
        let mut queue = self.queue.lock();
        if !queue.closed {
            queue.requests.push(owner, request);
            self.changed.notify_one();
        }
    }

    /// This one was taken, and is not done: it goes on when its owner's turn comes again, before others of that owner's.
    pub fn go_on_with(&self, owner: u64, request: T) {
        self.queue.lock().requests.push_first(owner, request);
    }

    /// The next one, once there is one, and those after it in turn that go with it; `None` at the end.
    pub fn take(&self, mut goes_with: impl FnMut(&T) -> bool) -> Option<Vec<T>> {
        let mut queue = self.queue.lock();
        while queue.requests.is_empty() && !queue.closed {
            self.changed.wait(&mut queue);
        }
        let mut taken = Vec::new();
        while queue.requests.first().is_some_and(|next| goes_with(next) || taken.is_empty()) {
            taken.extend(queue.requests.pop(|_| 1));
        }
        (!taken.is_empty()).then_some(taken)
    }

    /// Nothing is asked for any more.
    pub fn close(&self) {
        self.queue.lock().closed = true;
        self.changed.notify_all();
    }
}
