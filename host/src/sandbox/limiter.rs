//! Memory and tables of one guest, counted over all that its component has, and over what the host keeps for it while it lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;
use wasmtime::component::Val;

use super::trap::Violation;
use crate::state::task::TaskRecord;
use crate::types::budget::Budget;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{TaskLimits, WIT_VALUES_FREE_BYTES};

/// Refuses growth beyond the limits, with a trap that says which and by how much: a plain refusal would show as an
/// `unreachable` in some allocator.
pub struct GuestLimiter {
    memory_max: u64,
    used: Used,
    elements_max: u64,
    elements: u64,
    /// Where its memory counts, too, as long as it lives.
    budget: Option<Budget>,
    task: Arc<TaskRecord>,
    /// What was let go of where nobody had the limiter at hand. It counts until the guest asks for more.
    returned: Arc<AtomicU64>,
}

/// Bytes that the host keeps for a guest, until this is dropped.
#[derive(Debug)]
pub struct KeptBytes {
    bytes: u64,
    returned: Arc<AtomicU64>,
}

impl Drop for KeptBytes {
    fn drop(&mut self) {
        self.returned.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// What counts as a guest's memory, in bytes.
#[derive(Clone, Copy, Default)]
struct Used {
    /// Its linear memory.
    memory: u64,
    /// What the host keeps for it.
    kept: u64,
    /// What the host keeps of its arguments and results as values of WIT.
    values: u64,
}

impl Used {
    fn total(self) -> u64 {
        self.memory.saturating_add(self.kept).saturating_add(self.charged_values())
    }

    fn charged_values(self) -> u64 {
        self.values.saturating_sub(WIT_VALUES_FREE_BYTES)
    }
}

impl GuestLimiter {
    pub fn new(limits: &TaskLimits, task: Arc<TaskRecord>) -> Self {
        GuestLimiter {
            memory_max: limits.memory_bytes,
            used: Used::default(),
            elements_max: limits.table_elements,
            elements: 0,
            budget: task.spec.budget.clone(),
            task,
            returned: Arc::default(),
        }
    }

    /// Another call of the same actor: from now on its use counts for that task.
    pub fn serve(&mut self, task: Arc<TaskRecord>) {
        task.meter().memory_peak_bytes.raise(self.used.total());
        self.task = task;
    }

    /// The host keeps so many bytes more for the guest, which are its memory as any other.
    ///
    /// # Errors
    /// It has not so much left.
    pub fn keep(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.take_returned();
        let kept = self.used.kept.saturating_add(bytes);
        Ok(self.grow(Used { kept, ..self.used }).map_err(Violation)?)
    }

    /// The same for what goes with something that knows no guest: until what this gives is dropped.
    ///
    /// # Errors
    /// It has not so much left.
    pub fn keep_until_dropped(&mut self, bytes: u64) -> wasmtime::Result<KeptBytes> {
        self.keep(bytes)?;
        Ok(KeptBytes { bytes, returned: self.returned.clone() })
    }

    /// And so many less.
    pub fn let_go(&mut self, bytes: u64) {
        self.shrink(Used { kept: self.used.kept.saturating_sub(bytes), ..self.used });
    }

    /// The host keeps so many bytes more of the guest's arguments and results.
    ///
    /// # Errors
    /// It has not so much memory left.
    pub fn keep_values(&mut self, bytes: u64) -> Result<(), TaskError> {
        let values = self.used.values.saturating_add(bytes);
        self.grow(Used { values, ..self.used })
    }

    /// And so many less.
    pub fn let_go_of_values(&mut self, bytes: u64) {
        self.shrink(Used { values: self.used.values.saturating_sub(bytes), ..self.used });
    }

    /// Bytes of values that there is room for.
    pub fn room_for_values(&self) -> u64 {
        let free = WIT_VALUES_FREE_BYTES.saturating_sub(self.used.values);
        self.memory_max.saturating_sub(self.used.total()).saturating_add(free)
    }

    /// Why there is no room for a result.
    pub fn no_room_for_result(&self) -> TaskError {
        let values = self.used.values.saturating_add(self.room_for_values()).saturating_add(1);
        self.too_much(Used { values, ..self.used })
    }

    fn too_much(&self, wanted: Used) -> TaskError {
        let total = wanted.total();
        let mut error = TaskError::of_limit(ErrorKind::OutOfMemory, "memory-bytes", self.memory_max, total);
        if wanted.kept > 0 {
            let kept = wanted.kept;
            error.message += &format!(
                ", {kept} of them for what the host keeps for it: handles, waits, directories, files and sockets"
            );
        }
        if wanted.charged_values() > 0 {
            error.message += &format!(
                ", {} of them for the values of its arguments and its result, of which the host keeps {} bytes for each element of a \
                 list, and more for others: give it more memory, or pass them in parts, or as a string",
                wanted.values,
                size_of::<Val>()
            );
        }
        error
    }

    fn grow(&mut self, wanted: Used) -> Result<(), TaskError> {
        let (total, before) = (wanted.total(), self.used.total());
        if total > self.memory_max {
            return Err(self.too_much(wanted));
        }
        if let Some(budget) = &self.budget {
            budget.grow(total.saturating_sub(before))?;
        }
        self.used = wanted;
        self.task.meter().memory_peak_bytes.raise(total);
        Ok(())
    }

    fn take_returned(&mut self) {
        let returned = self.returned.swap(0, Ordering::Relaxed);
        if returned > 0 {
            self.let_go(returned);
        }
    }

    fn shrink(&mut self, used: Used) {
        let bytes = self.used.total() - used.total();
        self.used = used;
        self.budget.iter().for_each(|budget| budget.shrink(bytes));
    }
}

impl Drop for GuestLimiter {
    fn drop(&mut self) {
        self.shrink(Used::default());
    }
}

impl ResourceLimiter for GuestLimiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        self.take_returned();
        let memory = self.used.memory.saturating_sub(current as u64).saturating_add(desired as u64);
        self.grow(Used { memory, ..self.used }).map_err(Violation)?;
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
