//! Runs Ray-style tasks and actors as sandboxed WebAssembly components.
//!
//! A [`Host`] owns a scheduler, an actor registry and an object store. Each task runs in a fresh instance of its module,
//! each actor in a long-lived one; they see the host through the WIT package `rustyray:core` alone, hold no capability
//! that was not granted, and can be metered, timed out, cancelled and capped in memory at any instruction.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use rustyray_host::{Capabilities, DirAccess, Host, TaskOptions};
//!
//! let host = Host::builder()
//!     .capabilities(Capabilities::none().dir("./texts", "/data", DirAccess::ReadOnly)?)
//!     .build()?;
//! let module = host.load_file("tasks.wasm").await?;
//! let options = TaskOptions::new().timeout(Duration::from_secs(1)).fuel(50_000_000);
//! let sum = module.task("add").arg(2).arg(3).options(options).submit().await;
//! match host.get::<i32>(&sum).await {
//!     Ok(sum) => println!("{sum}"),
//!     Err(error) => eprintln!("{error:#}"),
//! }
//! host.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod api;
mod port;
mod runtime;
mod sandbox;
mod state;
mod storage;
mod types;

pub use api::actor::{ActorCall, ActorHandle, MethodCall};
pub use api::builder::{BuildError, HostBuilder};
pub use api::host::Host;
pub use api::module::Module;
pub use api::stream::ObjectStream;
pub use api::task::TaskCall;
pub use port::log::{LogLevel, LogLine, LogSource};
pub use sandbox::{CachedModule, CompilerProcess, Guest, ModuleCache, ModuleError, wasmtime};
pub use state::actor::ActorRef;
pub use state::object::ObjectRef;
pub use state::object::payload::{Encoding, Payload, Reference, Value};
pub use types::budget::{Budget, BudgetLimits, BudgetUse};
pub use types::capabilities::{Capabilities, DirAccess, DirGrant};
pub use types::error::{ErrorCause, ErrorKind, LimitReport, TaskError, TaskResult};
pub use types::event::{Event, EventKind, Started};
pub use types::ids::{ActorId, ModuleId, ObjectId, TaskId};
pub use types::limits::{self, TaskLimits};
pub use types::manifest::{ActorTypeInfo, FunctionInfo, LeftOut, Manifest, ParameterInfo};
pub use types::module_info::ModuleInfo;
pub use types::module_name::{ModuleNameError, check_module_name};
pub use types::net_grant::NetGrant;
pub use types::options::{ActorOptions, TaskOptions};
pub use types::receipt::Receipt;
pub use types::resources::ResourceSet;
pub use types::stats::Stats;
pub use types::weight::{WeightError, check_weight};
pub use types::{clock, encoding};
