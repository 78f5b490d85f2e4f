//! Imports of an embedder's own.

use std::any::Any;

use wasmtime::component::Linker;

use super::guest::Guest;

type Link = Box<dyn Fn(&mut Linker<Guest>) -> wasmtime::Result<()> + Send + Sync>;
type Make = Box<dyn Fn() -> Box<dyn Any + Send> + Send + Sync>;

/// An embedder's own imports: functions that it adds to the linker, and the state that each guest gets for them.
pub struct ImportSet {
    /// Adds the functions.
    pub link: Link,
    /// Makes the state.
    pub make: Option<Make>,
}
