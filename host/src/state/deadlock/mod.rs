//! Guests that wait for each other: what each waits for, when to look, and what a look finds.

pub mod blocked_on;
pub mod look;
pub mod trigger;
pub mod wait_graph;
