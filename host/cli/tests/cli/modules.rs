//! `--with`: other modules beside the one that runs.

use std::path::Path;

use super::process::{Ended, end};
use rustyray_testkit::guest;

fn path(name: &str) -> String {
    guest(name).display().to_string()
}

/// Calls a task of `callers` with these flags.
fn call(flags: &[&str], task: &[&str]) -> Ended {
    let callers = path("callers");
    end([&["call"], flags, &[&callers], task].concat())
}

#[test]
fn another_modules_tasks_are_called_by_its_files_name_or_another() {
    let calc = path("calc");
    assert_eq!(call(&["--with", &calc], &["sum_of", "calc:add", "2", "3"]).expect(0, &[]).out(), "5\n");
    let renamed = format!("math={calc}");
    assert_eq!(call(&["--with", &renamed], &["sum_of", "math:add", "2", "3"]).expect(0, &[]).out(), "5\n");
    let both = ["--with", &renamed, "--with", &path("calc_next")];
    assert_eq!(call(&both, &["version", "math:version"]).expect(0, &[]).out(), "1\n");
    assert_eq!(call(&both, &["version", "calc_next:version"]).expect(0, &[]).out(), "2\n");
}

#[test]
fn without_it_there_is_no_other_module() {
    let ended = call(&[], &["sum_of", "calc:add", "2", "3"]);
    ended.expect(1, &["'module:calc' is not granted", "hint: the program was refused module:calc", "--with calc.wasm"]);
    // Bench takes the flag as well.
    let (callers, calc) = (path("callers"), path("calc"));
    let flags =
        ["bench", "--duration", "20ms", "--warmup", "1ms", "--with", &calc, &callers, "sum_of", "calc:add", "1", "2"];
    end(flags).expect(0, &[]);
}

#[test]
fn modules_have_weights() {
    let calc = path("calc");
    let weighed = |weights: &[&str]| {
        let flags = weights.iter().flat_map(|weight| ["--weight", weight]);
        let flags: Vec<&str> = ["--with", &calc].into_iter().chain(flags).collect();
        call(&flags, &["sum_of", "calc:add", "2", "3"])
    };
    assert_eq!(weighed(&["calc=3", "callers=2"]).expect(0, &[]).out(), "5\n");
    weighed(&["calc=0"]).expect(2, &["0 is no weight for a module", "from 1 to 100"]);
    weighed(&["calc=101"]).expect(2, &["101 is no weight for a module"]);
    weighed(&["calc"]).expect(2, &["expected MODULE=NUMBER"]);
    weighed(&["clac=3"]).expect(2, &["no module that is loaded: 'clac'", "hint: the modules are: calc, callers"]);
}

#[test]
fn names_that_cannot_be_are_refused_with_what_to_do() {
    let (calc, next) = (path("calc"), path("calc_next"));
    let twice = format!("calc={next}");
    call(&["--with", &calc, "--with", &twice], &["version", "calc:version"])
        .expect(2, &["two modules of --with are both 'calc'", "hint: name them apart with --with NAME=FILE"]);
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("a b.wasm");
    std::fs::copy(&calc, &odd).unwrap();
    let odd = odd.display().to_string();
    call(&["--with", &odd], &["version", "calc:version"]).expect(2, &["'a b' is no name for a module", "NAME="]);
    call(&["--with", "/nowhere/calc.wasm"], &["version", "calc:version"])
        .expect(120, &["cannot load '/nowhere/calc.wasm'", "No such file"]);
}

#[test]
fn a_config_file_names_modules_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(path("calc"), folder.path().join("other.wasm")).unwrap();
    let config = folder.path().join("rustyray.toml");
    let write = |text: &str| std::fs::write(&config, text).unwrap();
    let config = config.display().to_string();
    write("[with]\ncalc = 'other.wasm'\n");
    let ended = call(&["--config", &config], &["version", "calc:version"]);
    assert_eq!(ended.expect(0, &["granted by ", "module calc"]).out(), "1\n");
    let flag = format!("calc={}", path("calc_next"));
    let ended = call(&["--config", &config, "--with", &flag], &["version", "calc:version"]);
    assert_eq!(ended.expect(0, &[]).out(), "2\n");
    write("[with]\n'a b' = 'other.wasm'\n");
    call(&["--config", &config], &["version", "calc:version"]).expect(2, &["is no name for a module", ":2:1"]);
    write("[with]\ncalc = 5\n");
    call(&["--config", &config], &["version", "calc:version"]).expect(2, &["expected a module's path", ":2:8"]);
}

#[test]
fn a_program_runs_with_a_component_that_no_sdk_made() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = folder.path().join("shapes.wasm");
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/src/stubs/shapes.wat");
    std::fs::write(&shapes, wat::parse_file(text).unwrap()).unwrap();
    let shapes = shapes.display().to_string();
    let ended = end(["run", "--with", &shapes, &path("callers"), "--", "shapes:area"]);
    assert_eq!(ended.expect(0, &[]).out(), "6\n");
}
