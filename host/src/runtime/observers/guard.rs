//! Calling an embedder's function: its panic goes no further, is counted, and is told once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::Level;

use super::notice::Notice;
use super::queue::Queue;
use crate::types::panics::caught;

/// What calls one function, or several of which one panic is told.
pub struct Guard {
    /// What it is, as a message begins.
    what: String,
    told: AtomicBool,
    queue: Arc<Queue>,
}

impl Guard {
    pub(super) fn new(what: impl Into<String>, queue: &Arc<Queue>) -> Self {
        Guard { what: what.into(), told: AtomicBool::new(false), queue: queue.clone() }
    }

    /// What the function gives; none if it panicked.
    pub fn call<T>(&self, function: impl FnOnce() -> T) -> Option<T> {
        caught(function).map_err(|panic| self.note(&panic)).ok()
    }

    /// It panicked, with these words.
    pub fn note(&self, panic: &str) {
        self.queue.count_panic();
        if !self.told.swap(true, Ordering::Relaxed) {
            let text = format!("{} panicked, which is told once: {panic}", self.what);
            self.queue.push(Notice::Message(Level::ERROR, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_panic_is_counted_and_the_first_is_told() {
        let queue = Arc::new(Queue::default());
        let guard = Guard::new("the function", &queue);
        assert_eq!(guard.call(|| 1), Some(1));
        (0..3).for_each(|n| assert_eq!(guard.call(|| panic!("{n}")), None::<()>));
        assert_eq!(queue.panics(), 3);
        queue.close();
        let mut batch = Vec::new();
        assert!(queue.take(&mut batch));
        let [Notice::Message(Level::ERROR, text)] = &batch[..] else { panic!("{}", batch.len()) };
        assert_eq!(text, "the function panicked, which is told once: 0");
    }
}
