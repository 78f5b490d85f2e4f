//! What the host remembers: objects, tasks, actors, and who may run next. Synchronous, and knows neither tokio nor
//! wasmtime; time and the runtime are passed in.

pub mod actor;
pub mod deadlock;
#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod model;
pub mod modules;
pub mod object;
pub mod queue;
#[cfg(test)]
#[cfg(feature = "shuttle")]
pub mod schedules;
pub mod task;
