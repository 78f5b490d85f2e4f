//! The inputs that were found to be worth keeping, each given to what it was found with: see `tests/fuzz`.

use std::path::Path;

use rustyray_regressions::{component, config, manifest, payload};

/// Inputs that a target has at least: that none are found would be a mistake.
const INPUTS_MIN: usize = 20;

fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(paths.len() >= INPUTS_MIN, "{} inputs of {target}", paths.len());
    for path in paths {
        let input = std::fs::read(&path).unwrap();
        println!("{}", path.display());
        run(&input);
    }
}

#[test]
fn payloads() {
    replay("payload", payload::run);
}

#[test]
fn manifests() {
    replay("manifest", manifest::run);
}

#[test]
fn components() {
    replay("component", component::run);
}

#[test]
fn configurations() {
    replay("config", config::run);
}
