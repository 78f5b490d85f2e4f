//! The room for native code: what all modules of a host have of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::module_error::ModuleError;

/// Bytes of code that there may be.
#[derive(Debug)]
pub struct CodeBytes {
    most: u64,
    used: Arc<AtomicU64>,
}

/// A part of them, until it is dropped.
#[derive(Debug)]
pub struct CodeRoom {
    bytes: u64,
    used: Arc<AtomicU64>,
}

impl CodeBytes {
    /// So many.
    pub fn new(most: u64) -> Self {
        CodeBytes { most, used: Arc::default() }
    }

    /// Those that modules have.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Those that are left.
    pub fn left(&self) -> u64 {
        self.most.saturating_sub(self.used())
    }

    /// Takes so many.
    ///
    /// # Errors
    /// There are fewer left.
    pub fn take(&self, bytes: u64) -> Result<CodeRoom, ModuleError> {
        let more = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.most);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(CodeRoom { bytes, used: self.used.clone() }),
            Err(used) => Err(ModuleError::CodeTooLarge(self.most.saturating_sub(used))),
        }
    }
}

impl Drop for CodeRoom {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_makes_room() {
        let code = CodeBytes::new(10);
        let first = code.take(7).unwrap();
        assert!(matches!(code.take(4), Err(ModuleError::CodeTooLarge(3))));
        assert!(matches!(code.take(u64::MAX), Err(ModuleError::CodeTooLarge(3))));
        let second = code.take(3).unwrap();
        assert_eq!((code.used(), code.left()), (10, 0));
        drop(first);
        assert_eq!(code.left(), 7);
        drop(second);
        assert_eq!(code.used(), 0);
    }
}
