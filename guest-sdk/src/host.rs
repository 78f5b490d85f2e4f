//! The host as this crate sees it: the imported interfaces of a component, or the test's own on every other target.

use std::time::Duration;

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::rustyray::core::{actors, bytes, calls, logging, objects, streams, tasks, types};

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::sim::{actors, bytes, calls, logging, now, objects, streams, tasks, types};

/// The guest's clock.
#[cfg(target_family = "wasm")]
pub(crate) fn now() -> std::time::Instant {
    std::time::Instant::now()
}

pub(crate) use crate::bindings::exports::rustyray::core::guest;

/// As the host counts time. More than 584 years are as good as those.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
