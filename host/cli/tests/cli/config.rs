//! `rustyray.toml`: read for a crate and for `--config`, beaten by flags, shown where it grants.

use super::process::{Ended, end};
use super::{driver, plain};

/// Runs the driver under this file, and other flags.
fn run(file: &str, flags: &[&str], arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/file"), "contents").unwrap();
    let path = folder.path().join("rustyray.toml");
    std::fs::write(&path, file).unwrap();
    let (driver, path) = (driver(), path.display().to_string());
    end([&["run", "--config", &path], flags, &[&driver, "--"], arguments].concat())
}

#[test]
fn what_flags_can_say_a_file_can() {
    run("[limits]\nfuel = 50_000_000", &[], &["loop"]).expect(122, &["ran out of fuel"]);
    run("[limits]\ntimeout = '100ms'", &[], &["loop"]).expect(124, &["timed out"]);
    run("[budget]\nfuel = 50_000_000", &[], &["loop"]).expect(122, &["hint: raise it with --budget-fuel"]);
    run("[limits]\nmemory = '64MiB'", &[], &["hog"]).expect(123, &["ran out of memory"]);
    let file = "[grants]\nenv = ['A=secret']\n";
    let ended = run(file, &[], &["environment"]);
    assert_eq!(ended.expect(0, &["granted by ", "rustyray.toml: env A\n"]).out(), "A=secret\n");
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
}

#[test]
fn paths_are_relative_to_the_file() {
    let file = "[grants]\ndir = ['data::/data:ro']";
    let ended = run(file, &[], &["read", "/data/file"]);
    assert_eq!(ended.expect(0, &["granted by", "dir data::/data:ro"]).out(), "contents");
    run(file, &[], &["write", "/data/new", "x"]).expect(1, &["not permitted"]);
}

#[test]
fn a_size_says_its_unit() {
    for file in ["[limits]\nmemory = 64", "[limits]\noutput = '64'", "[host]\nobject-store = '1_000'"] {
        run(file, &[], &["echo"]).expect(2, &["of what? Say the unit, such as", "MiB, or"]);
    }
}

#[test]
fn flags_win() {
    run("[limits]\nfuel = 1", &["--fuel", "1_000_000_000"], &["echo"]).expect(0, &[]);
    let ended = run("[grants]\nenv = ['A=file', 'B=file']", &["--env", "A=flag"], &["environment"]);
    assert_eq!(ended.expect(0, &[]).out(), "A=flag\nB=file\n");
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("file"), "of the flag").unwrap();
    let flag = format!("{}::/data:ro", other.path().display());
    let ended = run("[grants]\ndir = ['data::/data:ro']", &["--dir", &flag], &["read", "/data/file"]);
    assert_eq!(ended.expect(0, &[]).out(), "of the flag");
    assert!(!ended.stderr.contains("granted by"), "{}", ended.stderr);
}

#[test]
fn beside_a_module_it_grants_nothing_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("driver.wasm");
    std::fs::copy(driver(), &module).unwrap();
    std::fs::write(folder.path().join("rustyray.toml"), "[grants]\nenv = ['A=b']\n").unwrap();
    let module = module.to_str().unwrap();
    let ended = end(["run", module, "--", "environment"]);
    assert_eq!((ended.expect(0, &[]).out(), ended.stderr.as_str()), ("", ""));
    let config = folder.path().join("rustyray.toml").display().to_string();
    assert_eq!(end(["run", "--config", &config, module, "--", "environment"]).expect(0, &[]).out(), "A=b\n");
}

#[test]
fn a_wrong_key_is_shown_in_its_place() {
    let ended = run("[limits]\ntimeout = '5s'\nfule = 5\n", &[], &["echo"]);
    ended.expect(
        2,
        &[
            "[limits] has no key 'fule'",
            "rustyray.toml:3:1",
            " 3 | fule = 5",
            "   | ^^^^\n",
            "hint: did you mean 'fuel'?",
        ],
    );
    run("[limits]\nfuel = 'lots'", &[], &["echo"]).expect(2, &["whole number above 0", ":2:8", "^^^^^^"]);
    run("[limits\n", &[], &["echo"]).expect(2, &["this is no TOML"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let plain = plain();
    end(["run", "--config", "/nowhere/x.toml", &plain]).expect(2, &["cannot read '/nowhere/x.toml'", "No such file"]);
    end(["run", "--config", "/dev/zero", &plain]).expect(2, &["at most 1048576 bytes"]);
    end(["run", "--config", "x", "--no-config", &plain]).expect(2, &["cannot be used with"]);
}
