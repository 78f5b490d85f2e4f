//! What `rustyray.toml` may say: each key is a flag by another name, so that the two can never mean different things.

use rustyray_host::NetGrant;

use crate::grant_syntax::{chance, folder, variable, weight, with};
use crate::units;

/// A key of the file.
pub struct Key {
    /// Its table.
    pub table: &'static str,
    /// Its name in the table.
    pub name: &'static str,
    /// The flag that it stands for.
    pub flag: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// Is the value right?
    pub check: fn(&str) -> Result<(), String>,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number or a text, as the flag takes it.
    Amount,
    /// `true` or `false`.
    Switch,
    /// A path, relative to the file's folder.
    Path,
    /// A path of that sort after a name.
    Module,
    /// Texts, each a flag of its own.
    Texts,
    /// The same, each beginning with a path relative to the file's folder.
    Folders,
}

/// The table whose keys are the user's own names.
pub const RESOURCES: Key = key("resources", "*", "resource", Shape::Amount, |text| done(units::resource(text)));

/// Another, with a weight for each module.
pub const WEIGHTS: Key = key("weights", "*", "weight", Shape::Amount, |text| done(weight(text)));

/// The third, with a module for each.
pub const WITH: Key = key("with", "*", "with", Shape::Module, |text| done(with(text)));

/// All others.
pub const KEYS: &[Key] = &[
    key("limits", "fuel", "fuel", Shape::Amount, |text| done(units::fuel(text))),
    key("limits", "timeout", "timeout", Shape::Amount, |text| done(units::time_limit(text))),
    key("limits", "memory", "memory", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::memory(text)))
    }),
    key("limits", "output", "output", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::size(text)))
    }),
    key("budget", "fuel", "budget-fuel", Shape::Amount, |text| done(units::fuel(text))),
    key("budget", "memory", "budget-memory", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::memory_of_all(text)))
    }),
    key("budget", "time", "budget-time", Shape::Amount, |text| done(units::time_limit(text))),
    key("budget", "tasks", "budget-tasks", Shape::Amount, |text| done(units::count(text))),
    key("grants", "dir", "dir", Shape::Folders, |text| done(folder(text))),
    key("grants", "env", "env", Shape::Texts, |text| done(variable(text))),
    key("grants", "net", "allow-net", Shape::Texts, |text| done(NetGrant::parse(text))),
    key("grants", "stdin", "stdin", Shape::Switch, |_| Ok(())),
    key("grants", "clock", "clock", Shape::Amount, |text| match text {
        "real" | "fixed" => Ok(()),
        _ => Err("expected \"real\" or \"fixed\"".to_owned()),
    }),
    key("grants", "random", "random", Shape::Amount, |text| done(chance(text))),
    key("host", "cpus", "cpus", Shape::Amount, |text| done(units::cpus(text))),
    key("host", "memory", "host-memory", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::size(text)))
    }),
    key("host", "object-store", "object-store", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::size(text)))
    }),
    key("host", "spill", "spill", Shape::Path, |_| Ok(())),
    key("host", "spill-limit", "spill-limit", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::size(text)))
    }),
    key("host", "instances", "instances", Shape::Amount, |text| done(units::instances(text))),
    key("host", "code-memory", "code-memory", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::size(text)))
    }),
    key("host", "compile-memory", "compile-memory", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::size(text)))
    }),
    key("host", "compile-time", "compile-time", Shape::Amount, |text| done(units::time_limit(text))),
    key("host", "grace", "grace", Shape::Amount, |text| done(units::time(text))),
    key("host", "journal", "journal", Shape::Path, |_| Ok(())),
    key("host", "journal-limit", "journal-limit", Shape::Amount, |text| {
        done(units::with_unit(text).and_then(|()| units::size(text)))
    }),
];

/// The tables.
pub const TABLES: &[&str] = &["limits", "budget", "grants", "resources", "host", "with", "weights"];

const fn key(
    table: &'static str,
    name: &'static str,
    flag: &'static str,
    shape: Shape,
    check: fn(&str) -> Result<(), String>,
) -> Key {
    Key { table, name, flag, shape, check }
}

fn done<T>(parsed: Result<T, String>) -> Result<(), String> {
    parsed.map(drop)
}
