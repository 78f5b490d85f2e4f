//! The structure of the crates, as ARCHITECTURE.md draws it: a file of the host imports only from layers below its own, and no files take
//! from each other in a ring, but for those of the domain.

use std::collections::BTreeSet;

use crate::module_graph::{Graph, circles};
use crate::sources::{Source, below, root};

/// From the lowest.
const LAYERS: [&str; 7] = ["types", "state", "port", "storage", "sandbox", "runtime", "api"];

/// The models of tests, which put layers together to compare them with something simpler.
const MODELS: &str = "host/src/state/model";

/// The roots of the crates that people build upon.
const CRATES: [&str; 6] = [
    "host/src/lib.rs",
    "host/cli/src/lib.rs",
    "guest-sdk/src/lib.rs",
    "guest-sdk/macros/src/lib.rs",
    "guest-sdk/codec/src/lib.rs",
    "tests/testkit/src/lib.rs",
];

/// Files that know each other, as what they are of does: an object has a value, which holds objects; a task makes calls of an actor, which
/// is made by a task.
const OF_THE_DOMAIN: [&[&str]; 0] = [];

/// Places where files still import each other in rings, and how many do: fewer with each that is opened.
const TO_BE_OPENED: [(&str, usize); 1] = [("host/src/state/", 20)];

fn layer(name: &str) -> Vec<Source> {
    let models = root().join(MODELS);
    below(&format!("host/src/{name}")).into_iter().filter(|source| !source.path.starts_with(&models)).collect()
}

#[test]
fn the_layers_are_all_that_there_is() {
    let folders = std::fs::read_dir(root().join("host/src")).unwrap();
    let found: BTreeSet<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "lib.rs")
        .collect();
    assert_eq!(found, LAYERS.map(str::to_owned).into());
}

#[test]
fn a_file_imports_only_from_layers_below() {
    let height = |path: &str| {
        let name = path.strip_prefix("host/src/")?.split('/').next()?;
        LAYERS.iter().position(|layer| *layer == name)
    };
    let mut seen = 0;
    for (from, to) in Graph::of("host/src/lib.rs").edges() {
        for to in to {
            if let (Some(own), Some(other)) = (height(&from), height(&to)) {
                assert!(other <= own, "{from} imports from {to}");
                seen += if other < own { 1 } else { 0 };
            }
        }
    }
    assert!(seen > 500, "{seen} imports are seen");
}

#[test]
fn no_files_import_each_other_in_a_ring() {
    let found: Vec<BTreeSet<String>> = CRATES.iter().flat_map(|root| circles(&Graph::of(root).edges())).collect();
    let is_of_the_domain = |ring: &BTreeSet<String>| OF_THE_DOMAIN.iter().any(|files| ring.iter().eq(*files));
    let in_place = |place: &str| {
        let rings = found.iter().filter(|ring| !is_of_the_domain(ring));
        rings.filter(|ring| ring.iter().all(|file| file.starts_with(place))).map(BTreeSet::len).sum::<usize>()
    };
    for (place, count) in TO_BE_OPENED {
        assert_eq!(in_place(place), count, "in {place}: {found:#?}");
    }
    let is_known = |ring: &&BTreeSet<String>| {
        is_of_the_domain(ring) || TO_BE_OPENED.iter().any(|(place, _)| ring.iter().all(|file| file.starts_with(place)))
    };
    let new: Vec<_> = found.iter().filter(|ring| !is_known(ring)).collect();
    assert!(new.is_empty(), "these import each other, directly or by way of others: {new:#?}");
    let there = OF_THE_DOMAIN.iter().filter(|files| found.iter().any(|ring| ring.iter().eq(**files)));
    assert_eq!(there.count(), OF_THE_DOMAIN.len(), "one of the domain's is there no more: {found:#?}");
}

#[test]
fn wasmtime_is_named_in_the_sandbox_alone_and_tokio_tasks_start_in_the_runtime() {
    for name in LAYERS {
        for source in layer(name) {
            let (code, path) = (source.code(), source.path.display());
            // The builder passes an embedder's imports on, by way of the sandbox's re-export.
            let passes_on = code.contains("use crate::sandbox::wasmtime;");
            assert!(name == "sandbox" || passes_on || !code.contains("wasmtime::"), "{path}");
            let low = matches!(name, "types" | "state" | "port" | "storage");
            assert!(!low || !code.contains("tokio"), "{path} knows tokio");
        }
    }
}

/// What a command line needs, and a program that embeds the host does not.
const OF_THE_COMMAND_LINE: [&str; 6] =
    ["anyhow", "clap", "clap_complete", "clap_mangen", "indicatif", "tracing-subscriber"];

#[test]
fn what_embeds_the_host_builds_no_command_line() {
    let mut tree = std::process::Command::new(env!("CARGO"));
    tree.args([
        "tree",
        "--locked",
        "--package",
        "rustyray-host",
        "--edges",
        "normal",
        "--depth",
        "1",
        "--prefix",
        "none",
    ]);
    let output = tree.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains(&"wasmtime"), "{text}");
    let of_the_command_line = OF_THE_COMMAND_LINE.into_iter().find(|name| crates.contains(name));
    assert_eq!(of_the_command_line, None);
    // Nor does the library know the one that is built upon it.
    assert!(!crates.contains(&"rustyray-cli"), "{text}");
}
