//! `doctor`, on machines that lack something.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::process::{Ended, end, end_of, rustyray_host};

/// The check of this name.
fn check(ended: &Ended, name: &str) -> Value {
    let mut lines = ended.out().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.find(|line| line["check"] == name).unwrap_or_else(|| panic!("no {name}: {ended:?}"))
}

#[test]
fn what_is_there_is_well() {
    let ended = end(["doctor"]);
    let sheet = ended.out();
    let names = "rustc,cargo,wasm32-wasip2,built by,instances,cache,pagemap_scan,memory,open files";
    for name in names.split(',') {
        assert!(sheet.contains(name), "no {name} in: {sheet}");
    }
    assert_eq!(check(&end(["doctor", "--json"]), "cargo")["state"], "ok");
}

#[test]
fn the_compiler_of_the_host_is_reported_and_is_no_fault() {
    let check = check(&end(["doctor", "--json"]), "built by");
    assert!(check["state"] == "ok" && check["found"].as_str().unwrap().contains("rust#158206"), "{check}");
}

#[test]
fn a_missing_toolchain_is_told_and_is_no_success() {
    let mut command = rustyray_host(["doctor", "--json"]);
    let ended = end_of(command.env("PATH", "/nowhere"));
    ended.expect(125, &[]);
    for name in ["rustc", "cargo", "wasm32-wasip2"] {
        let check = check(&ended, name);
        assert!(check["state"] == "missing" && check["mend"].is_string(), "{check}");
    }
}

#[test]
fn too_many_instances_need_a_command_of_root() {
    let ended = end(["doctor", "--json", "--instances", "1000000000"]);
    let check = check(ended.expect(125, &[]), "instances");
    assert_eq!(check["state"], "missing", "{check}");
}

#[test]
fn instances_come_from_the_config_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().to_str().unwrap(), folder.path().join("rustyray.toml"));
    std::fs::write(&file, "[host]\ninstances = 7\n").unwrap();
    assert_eq!(check(&end(["doctor", "--json", path]), "instances")["found"], "a host of 7 instances starts");
    std::fs::write(&file, "[host]\ninstance = 7\n").unwrap();
    end(["doctor", path]).expect(2, &["did you mean 'instances'?"]);
}

#[test]
fn what_needs_no_root_is_mended() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("rustyray-host");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    let doctor = |flags: &[&str]| {
        let mut command = rustyray_host([&["doctor", "--json"], flags].concat());
        end_of(command.env("XDG_CACHE_HOME", cache.path()))
    };
    assert_eq!(check(&doctor(&[]), "cache")["state"], "warning");
    let ended = doctor(&["--fix"]);
    assert!(ended.stderr.contains("running: chmod 700"), "{ended:?}");
    assert_eq!(check(&ended, "cache")["state"], "ok");
}
