//! A guest's handles to objects, actors and streams. What the host keeps for them counts as the guest's memory.

use wasmtime::component::{Resource, ResourceTable, ResourceTableError};

use super::limiter::GuestLimiter;
use super::trap::Violation;
use crate::state::actor::ActorRef;
use crate::state::object::ObjectRef;
use crate::state::object::stream::StreamRef;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{HANDLE_BYTES, HANDLES_MAX, STREAM_BYTES};

/// The handles of one guest.
pub struct HandleTable {
    table: ResourceTable,
    /// Bytes that the host keeps for those that it holds.
    held: u64,
    /// The most that it held at once: a table never gets smaller, and neither does a guest's memory.
    peak: u64,
}

/// What a handle refers to.
pub trait Handle: Send + 'static {
    /// Bytes that the host keeps for a handle.
    const BYTES: u64;
}

impl Handle for ObjectRef {
    const BYTES: u64 = HANDLE_BYTES;
}

impl Handle for ActorRef {
    const BYTES: u64 = HANDLE_BYTES;
}

impl Handle for StreamRef {
    // One that was refused is nobody else's.
    const BYTES: u64 = HANDLE_BYTES + STREAM_BYTES;
}

/// The same, with the account on which they are.
pub struct Handles<'a> {
    pub(super) table: &'a mut HandleTable,
    pub(super) limiter: &'a mut GuestLimiter,
}

impl HandleTable {
    pub fn new() -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        HandleTable { table, held: 0, peak: 0 }
    }

    /// What a handle refers to.
    ///
    /// # Errors
    /// It is none of this guest's.
    pub fn get<T: 'static>(&self, handle: &Resource<T>) -> Result<&T, ResourceTableError> {
        self.table.get(handle)
    }

    /// The guest has this handle no more.
    ///
    /// # Errors
    /// It is none of this guest's.
    pub fn take<T: Handle>(&mut self, handle: Resource<T>) -> Result<T, ResourceTableError> {
        let taken = self.table.delete(handle)?;
        self.held = self.held.saturating_sub(T::BYTES);
        Ok(taken)
    }
}

impl Handles<'_> {
    /// The guest has this handle.
    ///
    /// # Errors
    /// It holds as many as it may, or has no memory left for what the host keeps for one.
    pub fn push<T: Handle>(&mut self, handle: T) -> wasmtime::Result<Resource<T>> {
        let HandleTable { table, held, peak } = &mut *self.table;
        let bytes = *held + T::BYTES;
        if bytes > *peak {
            self.limiter.keep(bytes - *peak)?;
            *peak = bytes;
        }
        let max = HANDLES_MAX as u64;
        let full = |_| Violation(TaskError::of_limit(ErrorKind::LimitExceeded, "handles", max, max + 1));
        let handle = table.push(handle).map_err(full)?;
        *held = bytes;
        Ok(handle)
    }
}
