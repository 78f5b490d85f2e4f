//! `new`, `build`, `run DIR`, `compile`: from nothing to a program that runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Ended, Running, end, end_of, rustyray_host};

/// A crate made by `new`, always in the same place, so that cargo keeps one build of it. It is built offline, with what
/// is built and downloaded already.
struct Crate(PathBuf);

impl Crate {
    fn new(name: &'static str, flags: &[&str]) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates").join(name);
        let _ = std::fs::remove_dir_all(&path);
        end([&["new", path.to_str().unwrap()], flags].concat()).expect(0, &[]);
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"), path.join("Cargo.lock")).unwrap();
        Crate(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path().join(file), text).unwrap();
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join(file)).unwrap();
        assert!(text.contains(from), "{text}");
        self.write(file, &text.replace(from, to));
    }

    /// The command with these arguments, of which `DIR` is the crate.
    fn command(&self, arguments: &[&str]) -> Command {
        let path = self.path().display().to_string();
        let mut command = rustyray_host(arguments.iter().map(|argument| match *argument {
            "DIR" => path.as_str(),
            argument => argument,
        }));
        offline(&mut command);
        command
    }

    fn end(&self, arguments: &[&str]) -> Ended {
        end_of(&mut self.command(arguments))
    }

    /// Its test, by plain `cargo test`.
    fn passes(&self, test: &str) {
        let mut command = Command::new("cargo");
        offline(command.args(["test", "--release", "--manifest-path"]).arg(self.path().join("Cargo.toml")));
        let ended = end_of(&mut command);
        assert!(ended.expect(0, &[]).out().contains(&format!("{test} ... ok")), "{ended:?}");
    }
}

/// The target folder of the guests, where the SDK is built already.
fn offline(command: &mut Command) {
    let guest = rustyray_testkit::guest("driver");
    let target = guest.ancestors().nth(3).unwrap();
    command.env("CARGO_NET_OFFLINE", "true").env("CARGO_TARGET_DIR", target);
}

#[test]
fn a_new_program_runs_and_passes_its_test() {
    let made = Crate::new("made-program", &[]);
    let ended = made.end(&["run", "--release", "DIR"]);
    assert_eq!(ended.expect(0, &["Compiling made-program", "Finished"]).out(), "1 + 2 + 4 = 7\n");
    made.passes("sums_are_right");
}

#[test]
fn a_new_library_is_called_built_and_inspected() {
    let made = Crate::new("made_library", &["--lib"]);
    assert_eq!(made.end(&["call", "--release", "DIR", "count_to", "3"]).expect(0, &[]).out(), "3\n");
    let ended = made.end(&["build", "--release", "DIR"]);
    let module = ended.expect(0, &[]).out().trim_end();
    assert!(module.ends_with("made_library.wasm") && Path::new(module).is_file(), "{module}");
    let sheet = made.end(&["inspect", "--release", "DIR"]);
    assert!(sheet.expect(0, &[]).out().contains("count_to(n: i32)"), "{sheet:?}");
    made.end(&["run", "--release", "DIR"]).expect(120, &["has no main", "rustyray-host call"]);
    made.passes("counting_is_right");
}

#[test]
fn what_does_not_build_shows_cargos_own_words_or_json() {
    let made = Crate::new("made_wrong", &[]);
    made.replace("src/main.rs", "a + b", "a + c");
    made.end(&["run", "--release", "DIR"]).expect(120, &["cannot find value `c`", "does not build"]);
    let ended = made.end(&["build", "--release", "--json", "DIR"]);
    let lines: Vec<serde_json::Value> =
        ended.expect(120, &[]).out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |line: &serde_json::Value| line["message"]["message"].as_str().is_some_and(|text| text.contains("`c`"));
    assert!(lines.iter().any(said), "{lines:?}");
}

#[test]
fn each_run_while_watching_is_of_the_sources_as_they_are() {
    let made = Crate::new("made_watched", &[]);
    let mut running = Running::of(made.command(&["run", "--release", "--watch", "DIR"]));
    assert_eq!(running.line(), "1 + 2 + 4 = 7\n");
    running.until("waiting for a change");
    made.replace("src/main.rs", "a + b", "a + c");
    running.until("does not build");
    running.until("waiting for a change");
    // One that does not end is ended by a change.
    made.replace("src/main.rs", "a + c", "a * b");
    made.replace("src/main.rs", "Ok(())", "loop { rustyray::sleep(Duration::from_secs(60)).await; }");
    assert_eq!(running.line(), "1 + 2 + 4 = 8\n");
    made.replace("src/main.rs", "a * b", "a - b");
    assert_eq!(running.line(), "1 + 2 + 4 = -5\n");
    running.signal("INT");
    running.until("draining");
    running.signal("INT");
    running.end().expect(130, &[]);
}

#[test]
fn a_name_or_folder_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| format!("{}/{name}", folder.path().display());
    for name in ["1st", "a.b", "fn", "rustyray", "ä"] {
        end(["new", &at(name)]).expect(2, &["can be no crate's name"]);
    }
    std::fs::write(at("file"), "").unwrap();
    end(["new", &at("file")]).expect(125, &["cannot make"]);
    std::fs::create_dir(at("full")).unwrap();
    std::fs::write(at("full/file"), "").unwrap();
    end(["new", &at("full")]).expect(2, &["not empty"]);
    end(["new", &at("fine"), "--sdk", &at("full")]).expect(2, &["the SDK is not in", "--sdk DIR"]);
    end(["run", &at("full")]).expect(120, &["no Cargo.toml", "rustyray-host new"]);
    end(["run", "--release", &at("file")]).expect(2, &["for a crate's folder"]);
    end(["run", "--watch", &at("file")]).expect(2, &["no crate's folder"]);
}

#[test]
fn what_is_compiled_ahead_is_not_compiled_again() {
    let (driver, cache) = (super::driver(), tempfile::tempdir().unwrap());
    let with_cache =
        |arguments: &[&str]| end_of(rustyray_host(arguments.iter().copied()).env("XDG_CACHE_HOME", cache.path()));
    let ended = with_cache(&["compile", "--json", &driver]);
    let report: serde_json::Value = serde_json::from_str(ended.expect(0, &[]).out()).unwrap();
    assert_eq!(report["module"], "driver");
    let kept = || std::fs::read_dir(cache.path().join("rustyray-host")).unwrap().filter(is_code).count();
    assert_eq!(kept(), 1);
    with_cache(&["run", &driver, "--", "echo"]).expect(0, &[]);
    assert_eq!(kept(), 1, "it was found");
    end_of(rustyray_host(["compile", &driver]).env("XDG_CACHE_HOME", "/proc")).expect(125, &["there is no cache"]);
    // A limit of files is a disk that is full.
    let mut limited = std::process::Command::new("sh");
    let script = r#"ulimit -f 2500; exec "$0" compile "$1""#;
    limited.args(["-c", script, env!("CARGO_BIN_EXE_rustyray-host"), &driver]);
    let full = tempfile::tempdir().unwrap();
    end_of(limited.env("XDG_CACHE_HOME", full.path()))
        .expect(125, &["its native code cannot be kept in", "File too large"]);
}

#[test]
fn the_cache_is_shown_and_emptied() {
    let (driver, cache) = (super::driver(), tempfile::tempdir().unwrap());
    let with_cache =
        |arguments: &[&str]| end_of(rustyray_host(arguments.iter().copied()).env("XDG_CACHE_HOME", cache.path()));
    assert!(with_cache(&["cache"]).expect(0, &[]).out().contains(": 0 modules, 0.0 MiB"));
    with_cache(&["compile", &driver]).expect(0, &[]);
    let shown = with_cache(&["cache", "list"]);
    let shown = shown.expect(0, &[]).out();
    assert!(shown.contains(": 1 modules, ") && shown.ends_with("MiB  driver\n"), "{shown}");
    let line = with_cache(&["cache", "--json"]);
    let line: serde_json::Value = serde_json::from_str(line.expect(0, &[]).out()).unwrap();
    assert_eq!(line["module"], "driver");
    assert!(std::path::Path::new(line["file"].as_str().unwrap()).exists() && line["bytes"].as_u64() > Some(1000));
    assert!(with_cache(&["cache", "clear"]).expect(0, &[]).out().contains(" removed: 1 modules"));
    assert!(with_cache(&["cache"]).expect(0, &[]).out().contains(": 0 modules"));
}

/// What it is stands beside the code.
fn is_code(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "code")
}
