//! What guests asked for and were refused: worth telling when the program fails.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use rustyray_host::{Capabilities, LogLine, NetGrant, Receipt, check_module_name};

use super::console::Console;
use super::grant_syntax::folder;

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

    /// Tells the user, if there were any. What the program holds was refused by itself, to a task to which it gave less.
    pub fn report(&self, console: &Console, held: &Capabilities) {
        let names = std::mem::take(&mut *self.0.lock());
        let (own, rest): (BTreeSet<_>, _) = names.into_iter().partition(|name| held.narrow(&[name]).is_ok());
        let (grantable, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|name| flag(name).is_some());
        let hint = |text: String| console.line(&format!("{} {text}", console.colour().bold("hint:")));
        let listed = |names: &[String]| names.join(", ");
        if !grantable.is_empty() {
            let flags: Vec<String> = grantable.iter().filter_map(|name| flag(name)).collect();
            hint(format!("the program was refused {}: to grant that, add {}", listed(&grantable), flags.join(" ")));
        }
        for (name, what) in grantable.iter().filter_map(|name| Some((name, special(name)?))) {
            hint(format!(
                "{name} is {what}: neither * nor a host's name grants it, only the address itself, or a range"
            ));
        }
        if !others.is_empty() {
            hint(format!("the program was refused {}, which no flag grants", listed(&others)));
        }
        if !own.is_empty() {
            let own: Vec<String> = own.into_iter().collect();
            hint(format!("{} is granted, and the program did not give it to its task", listed(&own)));
        }
    }
}

/// What grants a capability of this name, if anything does. Parts of names are guests' own words.
pub fn flag(name: &str) -> Option<String> {
    match name.split_once(':') {
        Some(("net", host)) => NetGrant::parse(host).ok().map(|grant| format!("--allow-net {grant}")),
        Some(("dir", path)) => folder(&format!("HOST::{path}")).ok().map(|_| format!("--dir HOST::{path}")),
        Some(("env", name)) => (!name.is_empty() && !name.contains('=')).then(|| format!("--env {name}")),
        Some(("module", name)) => check_module_name(name).ok().map(|()| format!("--with {name}.wasm")),
        None if name == "stdin" => Some("--stdin".to_owned()),
        None if name == "clock" || name == "random" => Some(format!("--{name} real")),
        _ => None,
    }
}

/// What is at an address that takes a grant of its own.
fn special(name: &str) -> Option<&'static str> {
    NetGrant::parse(name.strip_prefix("net:")?).ok()?.special()
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
            ("random", "--random real"),
        ] {
            assert_eq!(flag(name).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_no_flag_grants_has_none() {
        for name in [
            "listen:0.0.0.0:80",
            "lookup:*",
            "net:a b",
            "net:",
            "dir:",
            "env:",
            "env:A=B",
            "module:a b",
            "x:y",
            "sudo",
            "",
        ] {
            assert_eq!(flag(name), None, "{name}");
        }
    }
}
