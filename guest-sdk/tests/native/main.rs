//! A guest's tests, natively: what `rustyray::test` runs, and what it says where a host would say it.

mod actors;
mod cancelling;
mod deadlocks;
mod streams;
mod tasks;
mod time;
mod worlds;
