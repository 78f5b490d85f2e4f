//! The door between a guest's host calls and the runtime, by concern. The scheduler runs guests and guests submit to the scheduler;
//! the circle is cut here: whoever calls sees a [`Port`], never what is behind it.

pub mod actors;
pub mod begun;
pub mod log;
pub mod objects;
pub mod output;
pub mod tasks;
pub mod waiting;
pub mod waits;

pub use actors::{ActorPort, ActorRequest, CallRequest};
pub use begun::Begun;
pub use objects::ObjectPort;
pub use output::OutputPort;
pub use tasks::{TaskPort, TaskRequest};
pub use waits::WaitPort;

/// All that the runtime does for a guest.
pub trait Port: TaskPort + ActorPort + WaitPort + OutputPort {}

impl<T: TaskPort + ActorPort + WaitPort + OutputPort> Port for T {}
