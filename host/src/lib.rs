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

mod port;
mod runtime;
mod sandbox;
mod state;
mod surface;
mod words;

pub use port::log::{LogLevel, LogLine, LogSource};
pub use runtime::Stats;
pub use sandbox::{CachedModule, CompilerProcess, Guest, ModuleCache, ModuleError, wasmtime};
pub use state::actor::ActorRef;
pub use state::object::ObjectRef;
pub use state::payload::{Encoding, Payload, Reference, Value};
pub use surface::actor::{ActorCall, ActorHandle, MethodCall};
pub use surface::builder::{BuildError, HostBuilder};
pub use surface::host::Host;
pub use surface::module::Module;
pub use surface::stream::ObjectStream;
pub use surface::task::TaskCall;
pub use words::budget::{Budget, BudgetLimits, BudgetUse};
pub use words::capabilities::{Capabilities, DirAccess, DirGrant};
pub use words::error::{ErrorCause, ErrorKind, LimitReport, TaskError, TaskResult};
pub use words::event::{Event, EventKind, Started};
pub use words::ids::{ActorId, ModuleId, ObjectId, TaskId};
pub use words::limits::{self, TaskLimits};
pub use words::manifest::{ActorTypeInfo, FunctionInfo, LeftOut, Manifest, ModuleInfo, ParameterInfo};
pub use words::module_name::{ModuleNameError, check_module_name};
pub use words::net_grant::NetGrant;
pub use words::options::{ActorOptions, TaskOptions};
pub use words::receipt::Receipt;
pub use words::resources::ResourceSet;
pub use words::weight::{WeightError, check_weight};
pub use words::{clock, encoding};
