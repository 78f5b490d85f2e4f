//! Who may run next: the scheduler, the queues that it takes from, the places for pending tasks, and deadlines.

pub mod desk;
pub mod priority_queue;
pub mod ready_queue;
pub mod room;
pub mod round_robin;
pub mod scheduler;
pub mod timers;
