//! What guests asked for and were refused: worth telling when the program fails.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use rustyray_host::{LogLine, Receipt};

use super::console::Console;

/// Names that are told at most.
const NAMES_MAX: usize = 8;

/// The refused capabilities of all tasks, each once.
#[derive(Default)]
pub struct Refusals(Mutex<BTreeSet<String>>);

impl Refusals {
    /// Takes note of a finished task.
    pub fn note(&self, receipt: &Receipt) {
        if receipt.refused.is_empty() {
            return;
        }
        let mut names = self.0.lock();
        for name in &receipt.refused {
            if names.len() < NAMES_MAX {
                names.insert(LogLine::clean(name));
            }
        }
    }

    /// Tells the user, if there were any.
    pub fn report(&self, console: &Console) {
        let names = std::mem::take(&mut *self.0.lock());
        if names.is_empty() {
            return;
        }
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        console.line(&format!(
            "{} the program was refused {names}: grant it with --allow-net, --dir, --env or --stdin if it may",
            console.paint().bold("hint:")
        ));
    }
}
