//! How many values may be made of somebody's bytes: each takes some thirty bytes, however few it came from.

use crate::types::limits::WIT_VALUES_MAX;

/// What is left of [`WIT_VALUES_MAX`].
pub struct Budget(usize);

impl Budget {
    /// For the arguments of one task.
    pub fn new() -> Self {
        Budget(WIT_VALUES_MAX)
    }

    /// Takes so many values.
    ///
    /// # Errors
    /// There are not as many left.
    pub fn take(&mut self, values: usize) -> Result<(), String> {
        let left = self.0.checked_sub(values);
        self.0 = left.ok_or_else(|| format!("more than {WIT_VALUES_MAX} values: pass it in parts"))?;
        Ok(())
    }
}
