//! The vocabulary of the host: plain data that every layer shares. Knows neither tokio nor wasmtime.

pub mod account;
pub mod address_range;
pub mod backoff;
pub mod budget;
pub mod capabilities;
pub mod clock;
pub mod encoding;
pub mod error;
pub mod event;
pub mod ids;
pub mod limits;
pub mod manifest;
pub mod module_info;
pub mod module_name;
pub mod net_grant;
pub mod options;
pub mod panics;
pub mod plan;
pub mod receipt;
pub mod resources;
pub mod stats;
pub mod sync;
pub mod text;
pub mod voice;
pub mod weight;
pub mod wit_name;
