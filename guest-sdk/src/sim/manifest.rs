//! What a program says that it offers.

pub(crate) use crate::bindings::exports::rustyray::core::guest::{ActorType, Function, Manifest};

/// Does an actor of this type serve several calls at once?
pub(crate) fn serves_concurrently(declared: &ActorType) -> bool {
    declared.options.max_concurrency.is_some() || !declared.groups.is_empty()
}
