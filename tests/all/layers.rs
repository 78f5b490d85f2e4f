//! The layers of the host, as ARCHITECTURE.md draws them: a file imports only from layers below its own.

use std::path::{Path, PathBuf};

/// From the lowest.
const LAYERS: [&str; 6] = ["words", "state", "port", "sandbox", "runtime", "surface"];

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The code without its comments, where other layers may be spoken of.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn host() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src")
}

#[test]
fn a_file_imports_only_from_layers_below() {
    for (height, layer) in LAYERS.iter().enumerate() {
        for (path, text) in sources(&host().join(layer)) {
            for above in &LAYERS[height + 1..] {
                assert!(!code(&text).contains(&format!("crate::{above}")), "{} imports from {above}", path.display());
            }
        }
    }
}

#[test]
fn wasmtime_is_named_in_the_sandbox_alone_and_tokio_tasks_start_in_the_runtime() {
    for layer in LAYERS {
        for (path, text) in sources(&host().join(layer)) {
            let code = code(&text);
            // The builder passes an embedder's imports on, by way of the sandbox's re-export.
            let passes_on = code.contains("use crate::sandbox::wasmtime;");
            assert!(layer == "sandbox" || passes_on || !code.contains("wasmtime::"), "{}", path.display());
            let low = matches!(layer, "words" | "state" | "port");
            assert!(!low || !code.contains("tokio"), "{} knows tokio", path.display());
        }
    }
}
