//! What the program declares with the macros: tasks and actors, found by name, and run.
//!
//! Each declaration is a constant that a constructor of the wasm module links into a list. A fresh instance runs one task,
//! so nothing is built: a name is looked for along the list.

mod arguments;
mod checkpoints;
mod declared;
mod functions;
mod instance;
mod outcome;
mod reply;
mod results;
mod state;

pub use arguments::Arguments;
pub use checkpoints::Checkpoints;
pub use declared::{ActorDefaults, Signature, TaskDefaults, group, path_in_crate};
pub(crate) use functions::declares_actor;
pub use functions::{ActorMethods, ActorType, Constructor, Method, Run, Served, Task, served};
pub(crate) use instance::{Instance, alone, call, construct, instance, restore, run_task, save};
pub use outcome::Outcome;
pub use reply::{constructed, constructed_result, reply_result, reply_value};
pub use results::{yield_items, yield_parts, yield_stream};
pub use state::{Exclusive, Shared, State, actor_state};

#[cfg(test)]
mod tests;
