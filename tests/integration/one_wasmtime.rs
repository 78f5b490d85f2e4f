//! The commands of the Makefile build wasmtime once for each profile, and check it once. Cargo builds it again for each set
//! of features of its dependencies, and the packages that a command selects decide on these.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Command;

use serde_json::Value;

use crate::sources::root;

/// The commands that compile something of ours for this machine.
const GOALS: &str = "demo counter embed crawler plugins check test checked release schedules bench bench-ray soak";

/// The native cargo commands that `make` would run for this goal.
fn commands_of(goal: &str) -> Vec<String> {
    let mut make = Command::new("make");
    // This test may itself run under make.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env_remove("MFLAGS");
    let output = make.current_dir(root()).args(["--dry-run", goal]).output().expect("make runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap().replace("\\\n", " ");
    let cargo = text.lines().filter_map(|line| Some(&line[line.find("cargo --locked ")?..]));
    let native = cargo.filter(|line| !line.contains("--target wasm32-wasip2"));
    let cut = native.map(|line| line.split(" -- ").next().unwrap_or(line));
    // Before it runs anything `run` does what `build` does, and it can't print its units.
    cut.map(|line| line.replace("--locked run ", "--locked build ")).collect()
}

/// The units that cargo would compile, each with the indices of its dependencies.
fn units(command: &str) -> Vec<Value> {
    let mut shell = Command::new("sh");
    // The unit graph is unstable; this variable lets a stable cargo print it.
    let graph = format!("{command} -Z unstable-options --unit-graph");
    let output = shell.current_dir(root()).env("RUSTC_BOOTSTRAP", "1").args(["-c", &graph]).output().unwrap();
    assert!(output.status.success(), "{graph}: {output:?}");
    let graph: Value = serde_json::from_slice(&output.stdout).unwrap();
    graph["units"].as_array().expect("units").clone()
}

/// Equal for two units that cargo compiles once: their own settings and those of all their dependencies.
fn digest(units: &[Value], at: usize, known: &mut BTreeMap<usize, u64>) -> u64 {
    if let Some(digest) = known.get(&at) {
        return *digest;
    }
    let unit = &units[at];
    let index = |dependency: &Value| dependency["index"].as_u64().expect("an index") as usize;
    let below: Vec<usize> = unit["dependencies"].as_array().expect("dependencies").iter().map(index).collect();
    let mut below: Vec<u64> = below.into_iter().map(|at| digest(units, at, known)).collect();
    below.sort_unstable();
    let mut hasher = DefaultHasher::new();
    (unit["pkg_id"].as_str(), unit["mode"].as_str(), below).hash(&mut hasher);
    // `dev` and `test` are two names of the same profile.
    let profile: Vec<_> =
        unit["profile"].as_object().expect("a profile").iter().filter(|(key, _)| *key != "name").collect();
    (unit["features"].to_string(), unit["platform"].to_string(), format!("{profile:?}")).hash(&mut hasher);
    *known.entry(at).or_insert_with(|| hasher.finish())
}

fn is_wasmtime(unit: &Value) -> bool {
    let id = unit["pkg_id"].as_str().unwrap_or_default();
    id.contains("#wasmtime@") && unit["target"]["kind"][0] == "lib"
}

#[test]
fn no_command_builds_wasmtime_of_its_own() {
    let commands: BTreeSet<String> = GOALS.split(' ').flat_map(commands_of).collect();
    assert!(commands.len() >= GOALS.split(' ').count(), "{commands:?}");
    // The first command of each profile and mode, with the digest of its wasmtime.
    let mut found: BTreeMap<(bool, String), (u64, &str)> = BTreeMap::new();
    for command in &commands {
        let units = units(command);
        for at in (0..units.len()).filter(|at| is_wasmtime(&units[*at])) {
            let release = units[at]["profile"]["debug_assertions"] == false;
            let kind = (release, units[at]["mode"].to_string());
            let digest = digest(&units, at, &mut BTreeMap::new());
            let (first, by) = *found.entry(kind.clone()).or_insert((digest, command));
            assert_eq!(digest, first, "{kind:?}: `{command}` builds another wasmtime than `{by}`");
        }
    }
    assert_eq!(found.len(), 3, "it is built in two profiles and checked in one: {found:?}");
}
