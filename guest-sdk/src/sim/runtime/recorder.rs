//! What this crate's own tests look at: what their host was asked.

use super::current;
use crate::bindings::rustyray::core::types::TaskOptions;
use crate::sim::sync::lock;

pub(crate) fn note(call: String) {
    lock(&current::get().runtime.recorded).calls.push(call);
}

pub(crate) fn note_options(options: Option<&TaskOptions>) {
    lock(&current::get().runtime.recorded).options = options.cloned();
}

/// What the host was asked since the last time, in order.
pub(crate) fn take_calls() -> Vec<String> {
    std::mem::take(&mut lock(&current::get().runtime.recorded).calls)
}

/// The options of the last call, if it said anything.
pub(crate) fn last_options() -> Option<TaskOptions> {
    lock(&current::get().runtime.recorded).options.clone()
}
