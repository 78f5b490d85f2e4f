//! Locks, and waiting for what they guard.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A panic is a guest's or a test's, never one between two steps of what a lock holds.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn wait_for<'a, T>(
    condition: &Condvar,
    guard: MutexGuard<'a, T>,
    is_so: impl Fn(&T) -> bool,
) -> MutexGuard<'a, T> {
    condition.wait_while(guard, |state| !is_so(state)).unwrap_or_else(PoisonError::into_inner)
}
