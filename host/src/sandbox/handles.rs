//! A guest's handles to objects, actors and streams. What the host keeps for them counts as the guest's memory.

use wasmtime::component::{Resource, ResourceTable, ResourceTableError};

use super::limiter::GuestLimiter;
use super::trap::Violation;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::limits::{HANDLE_BYTES, HANDLES_MAX};

/// The handles of one guest.
pub struct HandleTable {
    table: ResourceTable,
    held: usize,
    /// The most that it held at once: a table never gets smaller, and neither does a guest's memory.
    peak: usize,
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
    pub fn take<T: 'static>(&mut self, handle: Resource<T>) -> Result<T, ResourceTableError> {
        let taken = self.table.delete(handle)?;
        self.held = self.held.saturating_sub(1);
        Ok(taken)
    }
}

impl Handles<'_> {
    /// The guest has this handle.
    ///
    /// # Errors
    /// It holds as many as it may, or has no memory left for what the host keeps for one.
    pub fn push<T: Send + 'static>(&mut self, handle: T) -> wasmtime::Result<Resource<T>> {
        let HandleTable { table, held, peak } = &mut *self.table;
        if held == peak {
            self.limiter.keep(HANDLE_BYTES)?;
            *peak += 1;
        }
        let max = HANDLES_MAX as u64;
        let full = |_| Violation(TaskError::of_limit(ErrorKind::LimitExceeded, "handles", max, max + 1));
        let handle = table.push(handle).map_err(full)?;
        *held += 1;
        Ok(handle)
    }
}
