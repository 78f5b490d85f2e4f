//! A host in the test's own process, for every target but WebAssembly: what `rustyray::test` runs tasks and actors on.
//!
//! Each test has a [`World`](world::World) of its own. What runs in it, runs in a frame: a thread with a stack and
//! thread-locals of its own, as an instance has its own memory. But one frame at a time has the turn, and hands it on
//! where the guest waits. So guest code blocks wherever it likes, what runs when is the same each time, and time is
//! what the waits say it is: when all of them wait, the clock goes to the next moment that one of them waits for; when
//! there is none, one is told that it waits in vain.
//!
//! Payloads and outcomes are bytes, as on a host; errors, retries, restarts and cancellations are those of a host. What
//! a sandbox does beside that (capabilities, fuel, limits of memory and output) is not here.

mod actor;
mod actor_loop;
mod actor_ref;
mod actor_spec;
mod arguments;
mod cancellation;
mod concurrent_calls;
mod current;
mod error;
mod exports;
mod frame;
mod host_calls;
mod job;
mod let_go;
mod mailbox;
mod manifest;
#[cfg(test)]
pub(crate) mod mock;
mod names;
mod object;
mod payload;
mod plan;
mod ready_queue;
mod run;
mod scheduler;
mod serving;
mod stop_reason;
mod stream;
mod stream_ref;
mod submit;
mod sync;
mod timers;
pub(crate) mod types;
mod wait_graph;
mod waiting;
mod world;

use std::time::Instant;

pub(crate) use host_calls::{actors, bytes, calls, logging, objects, streams, tasks};

use current::Current;
pub(crate) use exports::Exports;

/// The guest's clock: that of its test.
pub(crate) fn now() -> Instant {
    current::find().map_or_else(Instant::now, |current| current.world.instant())
}

/// Runs `test` of a program in a world of its own, and ends all that it left running.
///
/// # Panics
/// When it does, and inside of another test.
pub(crate) fn run<T>(program: Exports, test: impl FnOnce() -> T) -> T {
    assert!(current::find().is_none(), "a test cannot be run inside of another one, nor inside of its tasks");
    let (world, frame) = world::World::new(program);
    current::enter(&world, &frame);
    let _end = End(Current { world, frame });
    test()
}

/// Ends a world, also after a panic.
struct End(Current);

impl Drop for End {
    fn drop(&mut self) {
        self.0.world.shut_down(&self.0.frame);
        current::leave();
    }
}

/// Lets all have their turn that need no time to pass, and counts the objects that somebody holds.
pub(crate) fn live_objects() -> usize {
    let current = current::get();
    current.settle();
    current.world.objects()
}

/// Time that has passed on the test's clock.
pub(crate) fn elapsed() -> std::time::Duration {
    std::time::Duration::from_nanos(current::get().world.now())
}
