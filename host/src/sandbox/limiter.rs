//! Memory and tables of one guest, counted over all that its component has, and over what the host keeps for it while it lives.

use std::sync::Arc;

use wasmtime::ResourceLimiter;

use super::trap::Violation;
use crate::state::task::TaskRecord;
use crate::types::budget::Budget;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::TaskLimits;

/// Refuses growth beyond the limits, with a trap that says which and by how much: a plain refusal would show as an
/// `unreachable` in some allocator.
pub struct GuestLimiter {
    memory_max: u64,
    memory: u64,
    /// Bytes that the host keeps for it.
    kept: u64,
    elements_max: u64,
    elements: u64,
    /// Where its memory counts, too, as long as it lives.
    budget: Option<Budget>,
    task: Arc<TaskRecord>,
}

impl GuestLimiter {
    pub fn new(limits: &TaskLimits, task: Arc<TaskRecord>) -> Self {
        GuestLimiter {
            memory_max: limits.memory_bytes,
            memory: 0,
            kept: 0,
            elements_max: limits.table_elements,
            elements: 0,
            budget: task.spec.budget.clone(),
            task,
        }
    }

    /// Another call of the same actor: from now on its use counts for that task.
    pub fn serve(&mut self, task: Arc<TaskRecord>) {
        task.meter().memory_peak_bytes.raise(self.memory + self.kept);
        self.task = task;
    }

    /// The host keeps so many bytes more for the guest, which are its memory as any other.
    ///
    /// # Errors
    /// It has not so much left.
    pub fn keep(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.grow(self.memory, self.kept.saturating_add(bytes))
    }

    /// And so many less.
    pub fn let_go(&mut self, bytes: u64) {
        let bytes = bytes.min(self.kept);
        self.kept -= bytes;
        self.budget.iter().for_each(|budget| budget.shrink(bytes));
    }

    fn grow(&mut self, memory: u64, kept: u64) -> wasmtime::Result<()> {
        let total = memory.saturating_add(kept);
        if total > self.memory_max {
            let mut error = TaskError::of_limit(ErrorKind::OutOfMemory, "memory-bytes", self.memory_max, total);
            if kept > 0 {
                error.message +=
                    &format!(", {kept} of them for what the host keeps for it: handles, waits and directories");
            }
            return Err(Violation(error).into());
        }
        if let Some(budget) = &self.budget {
            budget.grow(total.saturating_sub(self.memory + self.kept)).map_err(Violation)?;
        }
        (self.memory, self.kept) = (memory, kept);
        self.task.meter().memory_peak_bytes.raise(total);
        Ok(())
    }
}

impl Drop for GuestLimiter {
    fn drop(&mut self) {
        if let Some(budget) = &self.budget {
            budget.shrink(self.memory + self.kept);
        }
    }
}

impl ResourceLimiter for GuestLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_sub(current as u64).saturating_add(desired as u64);
        self.grow(total, self.kept)?;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.elements.saturating_sub(current as u64).saturating_add(desired as u64);
        if total > self.elements_max {
            let error = TaskError::of_limit(ErrorKind::LimitExceeded, "table-elements", self.elements_max, total);
            return Err(Violation(error).into());
        }
        self.elements = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        let text = format!("the machine refused memory that the limit allows: {error}");
        Err(Violation(TaskError::new(ErrorKind::OutOfMemory, text)).into())
    }
}
