//! Guest SDK of rustyray-host: Ray's programming model for sandboxed WebAssembly.
//!
//! A program is one component, compiled for `wasm32-wasip2`. Its remote functions run as tasks, each in a fresh sandbox of
//! its own; its actors keep state in long-lived ones; what they make are objects, known by their [`ObjectRef`]s.
//!
//! ```no_run
//! use rustyray::prelude::*;
//!
//! #[rustyray::remote]
//! async fn add(a: i32, b: i32) -> i32 {
//!     a + b
//! }
//!
//! #[rustyray::actor]
//! struct Counter {
//!     value: i32,
//! }
//!
//! #[rustyray::actor_methods]
//! impl Counter {
//!     fn new() -> Self {
//!         Counter { value: 0 }
//!     }
//!
//!     fn increment(&mut self) -> i32 {
//!         self.value += 1;
//!         self.value
//!     }
//! }
//!
//! #[rustyray::main]
//! async fn main() -> Result<()> {
//!     let three = add.remote(1, 2); // at once; nobody waits
//!     let seven = add.remote(&three, 4); // starts when `three` is there
//!     let counter = Counter::remote();
//!     println!("{} {} {}", three.await?, seven.await?, counter.increment().await?);
//!     Ok(())
//! }
//! ```
//!
//! # A crate for it
//! ```toml
//! [dependencies]
//! rustyray = "0.1"
//! ```
//! `cargo build --release --target wasm32-wasip2` makes the component. With a `main` it is a program; a library with
//! `crate-type = ["cdylib"]` has tasks and actors only.
//!
//! # Values
//! Arguments and results are `Serialize`, `Deserialize` and own what they hold. A type of your own derives both, with
//! `#[serde(crate = "rustyray::serde")]` where the crate doesn't depend on serde itself:
//! ```
//! use rustyray::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(crate = "rustyray::serde")]
//! struct Point {
//!     x: f64,
//!     y: f64,
//! }
//! ```
//! `Vec<u8>` crosses as it is, everything else as bincode.
//!
//! # Waiting
//! An `async fn` awaits references, timers ([`sleep`]) and whatever joins and selects them, from any crate. A plain `fn`
//! blocks ([`ObjectRef::blocking_get`]): the guest is parked, not a thread of the host.
//!
//! # Names
//! `add` is a value as well as a function, a unit struct that derefs to it. So no variable in its scope can be called `add`:
//! `let add = add.remote(1, 2)` is an error ("mismatched types", or "cannot shadow unit structs").

#![deny(missing_docs, unsafe_code)]

// So that the macros' `::rustyray` paths hold in this crate's own tests.
extern crate self as rustyray;

// Its macro names the crate's root, which names all: so it is no import of who uses it here.
#[macro_use]
mod actor;
mod actor_pool;
mod bindings;
mod call;
mod codec;
mod context;
mod error;
mod error_kind;
mod executor;
mod export;
mod host;
mod logging;
mod manifest;
mod module_name;
mod object_ref;
mod object_writer;
mod options;
pub mod prelude;
mod program;
mod registry;
mod remote;
mod remote_actor;
mod remote_fn;
mod serving;
#[cfg(not(target_family = "wasm"))]
mod sim;
mod store;
mod stream;
mod stub;
mod task_error;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod wait;

pub use actor::{Actor, Handle, Ready, checkpoint, exit_actor, get_actor, get_actor_in, kill};
pub use actor_pool::ActorPool;
pub use call::Returned;
pub use context::{ActorInfo, Context, context};
pub use error::{Cause, Error, Limit, Result};
pub use error_kind::ErrorKind;
pub use executor::{Sleep, block_on, sleep};
pub use log;
pub use object_ref::{Get, ObjectRef};
pub use object_writer::ObjectWriter;
pub use options::{ActorOptions, TaskOptions};
pub use remote::{IntoArg, Submission};
pub use remote_actor::{AnyActor, AnyActorHandle, AnyActorOptions, RemoteActor, RemoteMethod, remote_actor};
pub use remote_fn::{RemoteFn, remote_fn};
pub use rustyray_macros::{actor, actor_methods, local, main, method, remote, test};
pub use serde;
pub use store::{blocking_get_all, blocking_put, cancel, cancel_with, get, get_all, put};
pub use stream::ObjectStream;
#[cfg(not(target_family = "wasm"))]
pub use testing::test;
pub use wait::{Waited, blocking_wait, wait};

#[cfg(test)]
use sim::mock;

/// For the code that the macros write.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::actor::{RawHandle, create_actor};
    pub use crate::bindings::rustyray::core::types::Encoding;
    pub use crate::call::Call;
    pub use crate::program::{run, run_result};
    pub use crate::registry::*;
    pub use crate::remote::Outgoing;
}
