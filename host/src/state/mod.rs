//! What the host remembers: objects, tasks, actors, and who may run next. Synchronous, and knows neither tokio nor
//! wasmtime; time and the runtime are passed in.

pub mod actor;
pub mod actor_plans;
pub mod checkpoint;
pub mod cold;
pub mod cycles;
pub mod family;
pub mod gathering;
pub mod journal;
pub mod lane;
pub mod levels;
pub mod lineage;
pub mod lookout;
pub mod mailbox;
pub mod meter;
#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod model;
pub mod modules;
pub mod moves;
pub mod names;
pub mod object;
pub mod parking;
pub mod payload;
pub mod ready_queue;
mod report;
pub mod room;
pub mod scheduler;
#[cfg(test)]
#[cfg(feature = "shuttle")]
pub mod schedules;
pub mod shares;
pub mod shift;
pub mod slot;
pub mod spec;
pub mod spill;
pub mod store;
pub mod stream;
pub mod task;
pub mod timers;
pub mod wait_graph;
pub mod watchers;
pub mod writer;
