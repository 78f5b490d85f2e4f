//! What a test's host knows: of objects, tasks and actors, of what waits and of what is ready. The names are those of the
//! state of the real one.

pub(crate) mod actor;
pub(crate) mod actor_ref;
pub(crate) mod actor_spec;
pub(crate) mod arguments;
pub(crate) mod concurrent_calls;
pub(crate) mod instance;
pub(crate) mod let_go;
pub(crate) mod mailbox;
pub(crate) mod names;
pub(crate) mod object;
pub(crate) mod payload;
pub(crate) mod ready_queue;
#[cfg(test)]
pub(crate) mod recorded;
pub(crate) mod stop_reason;
pub(crate) mod stream;
pub(crate) mod task;
pub(crate) mod timers;
