//! What a host is doing, in figures.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Runtime;
use crate::state::queue::scheduler::Load;
use crate::types::stats::Stats;

impl Runtime {
    /// What it is doing.
    pub fn stats(&self) -> Stats {
        let Load { pending, instances, memory_bytes, .. } = self.scheduler.lock().load();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let observed = self.observers.figures();
        let (modules, manifest_bytes) = self.modules.versions();
        let (running, beginning) = self.count_running();
        Stats {
            pending: pending + beginning,
            running,
            succeeded: read(&self.tally.succeeded),
            failed: read(&self.tally.failed),
            cancelled: read(&self.tally.cancelled),
            from_journal: read(&self.tally.memo),
            instances,
            guest_memory_bytes: memory_bytes,
            actors: self.actors.len(),
            modules,
            manifest_bytes,
            code_bytes: self.sandbox.code().used(),
            objects: self.store.live_objects(),
            // A version may have gone since its manifest was counted.
            object_bytes: self.store.used_bytes().max(manifest_bytes),
            spilled_bytes: self.spiller.as_ref().map_or(0, |spiller| spiller.used_bytes()),
            dropped_lines: observed.lines,
            dropped_events: observed.events,
            dropped_receipts: observed.receipts,
            embedder_panics: observed.panics,
        }
    }

    /// How many tasks run, and how many have a place among them and are about to begin.
    fn count_running(&self) -> (usize, usize) {
        let running = self.running.lock();
        let begun = running.iter().filter(|task| task.attempt() > 0).count();
        (begun, running.len() - begun)
    }
}
