//! The layers of the host, as ARCHITECTURE.md draws them: a file imports only from layers below its own.

use crate::sources::{Source, below};

/// From the lowest.
const LAYERS: [&str; 6] = ["words", "state", "port", "sandbox", "runtime", "surface"];

fn layer(name: &str) -> Vec<Source> {
    below(&format!("host/src/{name}"))
}

#[test]
fn a_file_imports_only_from_layers_below() {
    for (height, name) in LAYERS.iter().enumerate() {
        for source in layer(name) {
            for above in &LAYERS[height + 1..] {
                let imports = source.code().contains(&format!("crate::{above}"));
                assert!(!imports, "{} imports from {above}", source.path.display());
            }
        }
    }
}

#[test]
fn wasmtime_is_named_in_the_sandbox_alone_and_tokio_tasks_start_in_the_runtime() {
    for name in LAYERS {
        for source in layer(name) {
            let (code, path) = (source.code(), source.path.display());
            // The builder passes an embedder's imports on, by way of the sandbox's re-export.
            let passes_on = code.contains("use crate::sandbox::wasmtime;");
            assert!(name == "sandbox" || passes_on || !code.contains("wasmtime::"), "{path}");
            let low = matches!(name, "words" | "state" | "port");
            assert!(!low || !code.contains("tokio"), "{path} knows tokio");
        }
    }
}
