//! A guest's tests, natively: what `rustyray::test` runs, and what it says where a host would say it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what is tested is a program, and a part of it breaks on purpose"
)]

mod actors;
mod both_hosts;
mod cancelling;
mod chaos;
mod concurrency;
mod deadlocks;
mod hosts;
mod streams;
mod tasks;
mod time;
