//! What each plugin used, from the receipts of all that ran for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rustyray_host::Receipt;

/// Shared with the host, which writes to it before anybody sees the result of a task.
#[derive(Clone, Default)]
pub struct Ledger(Arc<Mutex<HashMap<String, Used>>>);

/// Of a plugin, in all its calls.
#[derive(Clone, Default)]
pub struct Used {
    pub fuel: u64,
    pub memory_bytes: u64,
    /// What it was refused, by name.
    pub refused: Vec<String>,
}

impl Ledger {
    /// Enters a receipt. Tasks that a plugin's task submits are the same module's: their receipts count like its own.
    pub fn enter(&self, receipt: &Receipt) {
        let Ok(mut plugins) = self.0.lock() else { return };
        let used = plugins.entry(receipt.module.to_string()).or_default();
        used.fuel += receipt.fuel_used;
        used.memory_bytes = used.memory_bytes.max(receipt.memory_peak_bytes);
        used.refused.extend(receipt.refused.iter().cloned());
    }

    pub fn used(&self, module: &str) -> Used {
        self.0.lock().ok().and_then(|plugins| plugins.get(module).cloned()).unwrap_or_default()
    }
}
