//! The layers of the host, as ARCHITECTURE.md draws them: a file imports only from layers below its own.

use crate::sources::{Source, below, root};

/// From the lowest.
const LAYERS: [&str; 7] = ["types", "state", "port", "storage", "sandbox", "runtime", "api"];

/// The models of tests, which put layers together to compare them with something simpler.
const MODELS: &str = "host/src/state/model";

fn layer(name: &str) -> Vec<Source> {
    let models = root().join(MODELS);
    below(&format!("host/src/{name}")).into_iter().filter(|source| !source.path.starts_with(&models)).collect()
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
