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

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().iter().cloned().collect()
    }

    /// Tells the user, if there were any.
    pub fn report(&self, console: &Console) {
        let names = std::mem::take(&mut *self.0.lock());
        if names.is_empty() {
            return;
        }
        let flags: Vec<String> = names.iter().map(|name| flag(name)).collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        console.line(&format!(
            "{} the program was refused {names}: to grant that, add {}",
            console.paint().bold("hint:"),
            flags.join(" ")
        ));
    }
}

/// What grants a capability of this name.
fn flag(name: &str) -> String {
    match name.split_once(':') {
        Some(("net", host)) => format!("--allow-net {host}"),
        Some(("dir", path)) => format!("--dir HOST::{path}"),
        Some(("env", name)) => format!("--env {name}"),
        Some(("module", name)) => format!("--with {name}.wasm"),
        _ if name == "stdin" => "--stdin".to_owned(),
        _ => format!("--{name} real"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_has_its_flag() {
        for (name, expected) in [
            ("net:[::1]:80", "--allow-net [::1]:80"),
            ("dir:/data:ro", "--dir HOST::/data:ro"),
            ("env:HOME", "--env HOME"),
            ("module:calc", "--with calc.wasm"),
            ("stdin", "--stdin"),
            ("clock", "--clock real"),
        ] {
            assert_eq!(flag(name), expected);
        }
    }
}
