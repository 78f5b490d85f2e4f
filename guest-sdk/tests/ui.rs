//! What compiles, and how each mistake is named at its place.

use std::process::Command;

/// The compiler whose words `tests/ui/types` holds. Ours are the same with every compiler.
const RUSTC: &str = "rustc 1.95.";

#[test]
fn ui() {
    // One run for all files: they share a build.
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
    if rustc_version().starts_with(RUSTC) {
        cases.compile_fail("tests/ui/types/*.rs");
    } else {
        eprintln!("tests/ui/types is left out: its texts are those of {RUSTC}");
    }
}

fn rustc_version() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let output = Command::new(rustc).arg("--version").output().expect("rustc runs: it built this test");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
