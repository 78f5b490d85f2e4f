//! Panics that go no further.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use super::error::shorten;
use super::limits::ERROR_TEXT_MAX;

/// Runs what may panic: a function of an embedder's, or a step of a loop that must go on.
///
/// # Errors
/// The words of the panic.
pub fn caught<T>(function: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(function)).map_err(words_of)
}

/// Wakes somebody. What is woken is a stranger's executor, whose panic is not to harm what goes on here.
pub fn wake(waker: Waker) {
    // Whoever made it hears of it by the hook for panics.
    let _ = caught(|| waker.wake());
}

/// The words of a panic, which is gone afterwards.
fn words_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let words = shorten(text.unwrap_or("without a word").to_owned(), ERROR_TEXT_MAX);
    // What it carries may panic when it is dropped, and what that carries is left alone.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    words
}

/// Does something at last, also when a panic comes before.
pub struct Finally<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Finally<F> {
    /// Does this when it is dropped.
    pub fn new(last: F) -> Self {
        Finally(Some(last))
    }
}

impl<F: FnOnce()> Drop for Finally<F> {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any("it went off");
        }
    }

    #[test]
    fn a_panic_is_words_whatever_it_carries() {
        assert_eq!(caught(|| 5), Ok(5));
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        assert_eq!(caught(|| panic!("number {}", 7)), Err::<(), _>("number 7".to_owned()));
        assert_eq!(caught(|| std::panic::panic_any(Bomb)), Err::<(), _>("without a word".to_owned()));
    }

    #[test]
    fn what_is_to_be_done_at_last_is_done_after_a_panic() {
        let done = Cell::new(false);
        let outcome = caught(|| {
            let _last = Finally::new(|| done.set(true));
            panic!("on the way");
        });
        assert_eq!((outcome, done.get()), (Err::<(), _>("on the way".to_owned()), true));
    }
}
