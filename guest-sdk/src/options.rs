//! How a task, a call or an actor is to run.

mod actor;
mod delegate;
mod name;
mod task;

pub use actor::ActorOptions;
pub(crate) use delegate::delegate_task_options;
pub(crate) use name::check_name;
pub use task::TaskOptions;
