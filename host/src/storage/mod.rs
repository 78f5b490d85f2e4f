//! What is on disk: results and checkpoints that outlive the process, and objects that have no room in memory.

pub mod journal;
pub mod spill;
