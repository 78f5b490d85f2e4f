//! `stubs`: what it writes is what the guests of the tests are compiled with.

use std::path::{Path, PathBuf};

use super::plain;
use super::process::end;
use rustyray_testkit::guest;

/// The stubs that the guest `callers` has.
fn committed(name: &str) -> (PathBuf, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/src/stubs").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Compares, and leaves what is written today beside the test's other files.
fn same(module: &Path, name: &str) {
    let written = end(["stubs", &module.display().to_string()]);
    let written = written.expect(0, &[]).out();
    let (path, committed) = committed(name);
    let today = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&today, written).unwrap();
    assert!(written == committed, "update {} with {}", path.display(), today.display());
}

#[test]
fn the_stubs_that_are_committed_are_those_of_today() {
    same(&guest("calc"), "calc.rs");
    let folder = tempfile::tempdir().unwrap();
    let shapes = folder.path().join("shapes.wasm");
    std::fs::write(&shapes, wat::parse_str(committed("shapes.wat").1).unwrap()).unwrap();
    same(&shapes, "shapes.rs");
}

#[test]
fn stubs_are_written_to_a_file_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("b.rs");
    let file = file.to_str().unwrap();
    let calc = guest("calc").display().to_string();
    assert_eq!(end(["stubs", &calc, "-o", file, "--name", "other"]).expect(0, &[]).out(), "");
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("\"other:add\"") && !text.contains("\"calc:"), "{text}");
    end(["stubs", &calc, "--name", "a b"]).expect(2, &["'a b' is no name for a module"]);
    end(["stubs", &calc, "-o", "/nowhere/b.rs"]).expect(125, &["cannot write '/nowhere/b.rs'"]);
    end(["stubs", &plain()]).expect(120, &["plain program"]);
}
