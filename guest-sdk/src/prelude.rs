//! What a program wants at hand: `use rustyray::prelude::*;`.
//!
//! ```no_run
//! use rustyray::prelude::*;
//!
//! #[rustyray::remote]
//! fn add(a: i32, b: i32) -> i32 {
//!     info!("adding {a} and {b}");
//!     a + b
//! }
//! ```

pub use std::time::Duration;

pub use log::{debug, error, info, trace, warn};
pub use serde::{Deserialize, Serialize};

pub use crate::actor::Handle;
pub use crate::error::{Error, Result};
pub use crate::error_kind::ErrorKind;
pub use crate::object_ref::ObjectRef;
pub use crate::options::TaskOptions;
pub use crate::stream::ObjectStream;
