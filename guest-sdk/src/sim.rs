//! A host in the test's own process, for every target but WebAssembly: what `rustyray::test` runs tasks and actors on.
//!
//! Each test has a [`Runtime`](runtime::Runtime) of its own. What runs in it, runs in an instance: a thread with a stack and
//! thread-locals of its own, where one of a component has its own memory. But one instance at a time has the turn, and hands
//! it on where the guest waits. So guest code blocks wherever it likes, what runs when is the same each time, and time is
//! what the waits say it is: when all of them wait, the clock goes to the next moment that one of them waits for; when
//! there is none, one is told that it waits in vain.
//!
//! Payloads and outcomes are bytes, as on a host; errors, retries, restarts and cancellations are those of a host. What
//! a sandbox does beside that (capabilities, fuel, limits of memory and output) is not here.
//!
//! `state` is below `runtime`, and that below `host_calls`; what is a file of the real host's `state` or `runtime` has its
//! name here, so that the two can be read side by side.

mod error;
mod exports;
mod host_calls;
mod manifest;
#[cfg(test)]
pub(crate) mod mock;
mod plan;
mod runtime;
mod state;
mod sync;
pub(crate) mod types;

use std::time::Instant;

pub(crate) use host_calls::{actors, bytes, calls, logging, objects, streams, tasks};

pub(crate) use exports::Exports;
use runtime::current::{self, Inside};

/// The guest's clock: that of its test.
pub(crate) fn now() -> Instant {
    current::find().map_or_else(Instant::now, |current| current.runtime.instant())
}

/// Runs `test` of a program in a runtime of its own, and ends all that it left running.
///
/// # Panics
/// When it does, and inside of another test.
pub(crate) fn run<T>(program: Exports, test: impl FnOnce() -> T) -> T {
    assert!(current::find().is_none(), "a test cannot be run inside of another one, nor inside of its tasks");
    let _inside = Inside::new(program);
    test()
}

/// Lets all have their turn that need no time to pass, and counts the objects that somebody holds.
pub(crate) fn live_objects() -> usize {
    let current = current::get();
    current.settle();
    current.runtime.objects()
}

/// Time that has passed on the test's clock.
pub(crate) fn elapsed() -> std::time::Duration {
    std::time::Duration::from_nanos(current::get().runtime.now())
}
