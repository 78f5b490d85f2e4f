//! A guest that no test or benchmark loads is dead weight, or a test that was forgotten.

use rustyray_testkit::root;

use crate::sources::below;

/// Where guests are loaded.
const FOLDERS: [&str; 7] = [
    "tests/integration",
    "tests/leaks",
    "tests/budgets",
    "tests/adversarial",
    "tests/soak",
    "host/cli/tests",
    "host/cli/benches",
];

/// Is the guest of this name loaded there, in one of the ways in which that is done? Its name alone says nothing: tasks, actors and
/// folders have names, too.
fn is_loaded(code: &str, name: &str) -> bool {
    let quoted = format!("\"{name}\"");
    let as_the_last = format!(", {quoted})");
    let host_with = code.split("host_with(").skip(1).any(|call| {
        let call = call.split(';').next().unwrap_or_default();
        call.contains(&as_the_last) || call.contains(&format!(", {quoted},"))
    });
    host_with
        || code.contains(&format!("guest({quoted})"))
        || code.contains(&format!("join({quoted}).with_extension(\"wasm\")"))
}

#[test]
fn every_guest_has_its_test() {
    let sources = FOLDERS.iter().flat_map(|folder| below(folder));
    // On one line, however it was broken.
    let code: Vec<String> =
        sources.map(|source| source.code().split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for entry in std::fs::read_dir(root().join("tests/guests/src/bin")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(code.iter().any(|code| is_loaded(code, &name)), "no test loads the guest {name}");
    }
}

#[test]
fn a_name_that_is_only_said_is_no_load() {
    assert!(is_loaded(r#"let path = guest("plain");"#, "plain"));
    assert!(is_loaded(r#"host_with(builder().cpus(1.0), "plain").await;"#, "plain"));
    assert!(!is_loaded(r#"host_with(builder(), "other").await; module.task("plain")"#, "plain"));
    assert!(!is_loaded(r#"["plain", "other"]"#, "plain"));
}
