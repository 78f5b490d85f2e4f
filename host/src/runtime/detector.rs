//! The thread that looks for deadlocks, and when it does.

use parking_lot::{Condvar, Mutex};

/// The thread that looks for deadlocks. Apart from those that run guests: a look over very much holds up nobody.
#[derive(Default)]
pub(super) struct Detector {
    asked: Mutex<Asked>,
    changed: Condvar,
}

#[derive(Default)]
struct Asked {
    /// There is a look to be done, at the waits after this stamp. There is one at a time.
    since: Option<u64>,
    closed: bool,
}

impl Detector {
    /// Has the thread look for deadlocks that were closed by a wait with a later stamp.
    pub fn look(&self, since: u64) {
        self.asked.lock().since = Some(since);
        self.changed.notify_one();
    }

    /// The thread ends.
    pub fn close(&self) {
        self.asked.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits until somebody asks for a look; none where this thread is to end.
    pub fn asked(&self) -> Option<u64> {
        let mut asked = self.asked.lock();
        self.changed.wait_while(&mut asked, |asked| asked.since.is_none() && !asked.closed);
        asked.since.take().filter(|_| !asked.closed)
    }
}
