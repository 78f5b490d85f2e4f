//! What a task uses while it runs, counted where the runtime and the sandbox can both see it: a cancelled guest is gone
//! before anybody could ask it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::cancellation::StopReason;
use crate::types::budget::Budget;
use crate::types::limits::{ERROR_TEXT_MAX, REFUSALS_MAX};

/// The running account of one task.
#[derive(Debug, Default)]
pub struct Meter {
    /// Where its fuel counts, too.
    budget: Option<Budget>,
    /// The most linear memory at once.
    pub memory_peak_bytes: Gauge,
    /// Bytes of arguments, and of objects read.
    pub bytes_in: Gauge,
    /// Bytes of the result, of objects stored, and of arguments passed on.
    pub bytes_out: Gauge,
    /// Bytes of output and log lines.
    pub output_bytes: Gauge,
    /// Calls of the host's functions.
    pub host_calls: Gauge,
    /// Fuel burned, up to its last call of the host or its last yield; all of it once the guest has returned.
    fuel_used: Gauge,
    /// How often it looked at a clock that stands still, because none was granted.
    pub still_clock: Gauge,
    /// How often the guest gave up its turn, because it was preempted or waits.
    pub turns: Gauge,
    /// Was its result in the journal, so that nothing ran?
    memo: AtomicBool,
    /// Nearly all tasks have none.
    notes: Mutex<Option<Box<Notes>>>,
}

#[derive(Debug, Default)]
struct Notes {
    refused: Vec<String>,
    stderr_tail: Vec<u8>,
}

/// A number that only its owner's task writes, and others read.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Adds and gives the new sum.
    pub fn add(&self, amount: u64) -> u64 {
        self.0.fetch_add(amount, Ordering::Relaxed) + amount
    }

    /// Raises it to `value` if it is lower.
    pub fn raise(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }

    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads it.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Meter {
    /// The meter of a task on this budget.
    pub fn new(budget: Option<Budget>) -> Self {
        Meter { budget, ..Meter::default() }
    }

    /// The guest gave up its turn: it was preempted, or waits. Gives why that is its end, if it is.
    pub fn preempted(&self) -> Option<StopReason> {
        self.turns.add(1);
        self.budget.as_ref().filter(|budget| budget.is_burned()).map(|_| StopReason::BudgetBurned)
    }

    /// So much of its fuel is another task's, and burned by that: on the budget it counts there.
    pub fn hand_on(&self, fuel: u64) {
        self.fuel_used.add(fuel);
    }

    /// Fuel burned so far.
    pub fn fuel_used(&self) -> u64 {
        self.fuel_used.get()
    }

    /// It has burned so much more.
    pub fn burn(&self, fuel: u64) {
        self.fuel_used.add(fuel);
        if let Some(budget) = &self.budget {
            budget.burn(fuel);
        }
    }

    /// The result was in the journal: nothing ran.
    pub fn found_in_journal(&self) {
        self.memo.store(true, Ordering::Relaxed);
    }

    /// Was the result in the journal?
    pub fn is_memo(&self) -> bool {
        self.memo.load(Ordering::Relaxed)
    }

    /// A capability was refused.
    pub fn refuse(&self, name: String) {
        let mut notes = self.notes.lock();
        let refused = &mut notes.get_or_insert_default().refused;
        if refused.len() < REFUSALS_MAX && !refused.contains(&name) {
            refused.push(name);
        }
    }

    /// The refused capabilities.
    pub fn refused(&self) -> Vec<String> {
        self.notes.lock().as_ref().map(|notes| notes.refused.clone()).unwrap_or_default()
    }

    /// Keeps the end of what is written to standard error.
    pub fn note_stderr(&self, bytes: &[u8]) {
        let mut notes = self.notes.lock();
        let tail = &mut notes.get_or_insert_default().stderr_tail;
        tail.extend_from_slice(&bytes[bytes.len().saturating_sub(ERROR_TEXT_MAX)..]);
        let excess = tail.len().saturating_sub(ERROR_TEXT_MAX);
        tail.drain(..excess);
    }

    /// The end of standard error as text, if there was any.
    pub fn stderr_tail(&self) -> Option<String> {
        let notes = self.notes.lock();
        let text = String::from_utf8_lossy(&notes.as_ref()?.stderr_tail).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// A new attempt begins: what only the last one counts starts again.
    pub fn restart(&self) {
        self.fuel_used.set(0);
        self.memory_peak_bytes.set(0);
        if let Some(notes) = self.notes.lock().as_mut() {
            notes.stderr_tail.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_stderr_is_bounded() {
        let meter = Meter::default();
        meter.note_stderr(&vec![b'a'; 3 * ERROR_TEXT_MAX]);
        meter.note_stderr(b"the end");
        let tail = meter.stderr_tail().unwrap();
        assert_eq!(tail.len(), ERROR_TEXT_MAX);
        assert!(tail.ends_with("the end"));
    }

    #[test]
    fn refusals_are_named_once_and_bounded() {
        let meter = Meter::default();
        (0..1000).for_each(|n| meter.refuse(format!("net:{}", n % 100)));
        assert_eq!(meter.refused().len(), REFUSALS_MAX);
    }
}
