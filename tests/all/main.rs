//! The host's library with real guests. One binary, so that wasmtime is linked once.

mod actors;
mod cancelling;
mod capabilities;
mod checkpoints;
mod components;
mod deadlines;
mod deadlocks;
mod errors;
mod events;
mod fixtures;
mod guest;
mod hosts;
mod journal;
mod layers;
mod limits;
mod objects;
mod program;
mod receipts;
mod restarts;
mod retries;
mod scheduling;
mod spilling;
mod support;
