//! What is wrong before any guest runs: files, flags, folders.

use super::process::{end, end_of, rustyray_host};

const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";
const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// A section that says it has 255 bytes, and has two.
const CUT_OFF: &[u8] = b"\0asm\x0d\0\x01\0\x01\xff\x01\0a";

#[test]
fn a_file_that_is_no_module_is_named_with_what_is_wrong_and_what_to_do() {
    let files: [(&str, &[u8], &str); 6] = [
        ("empty", b"", "the file is empty"),
        ("text", b"#!/bin/sh\necho hello\n", "not a WebAssembly component"),
        ("core", CORE_MODULE, "core WebAssembly module"),
        ("half-a-header", b"\0asm\x0d", "cut off or damaged"),
        ("cut-off", CUT_OFF, "cut off or damaged"),
        ("nothing-inside", EMPTY_COMPONENT, "nothing to run"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, words) in files {
        let path = folder.path().join(name).with_extension("wasm");
        std::fs::write(&path, bytes).unwrap();
        let path = path.to_str().unwrap();
        for command in [vec!["run", path], vec!["call", path, "task"], vec!["inspect", path]] {
            let ended = end(command);
            ended.expect(120, &["error: cannot load", path, words]);
            assert_eq!(ended.out(), "");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    end(["run", path]).expect(120, &["no Cargo.toml in", path]);
    let missing = format!("{path}/missing.wasm");
    end(["inspect", &missing]).expect(120, &["missing.wasm", "No such file"]);
    end(["run", "/dev/zero"]).expect(120, &["/dev/zero", "modules have at most"]);
}

#[test]
fn what_is_named_twice_is_refused_and_goes_before_what_the_file_says() {
    let driver = super::driver();
    for (flag, values, name) in
        [("--resource", ["gpu=1", "gpu=2"], "gpu"), ("--weight", ["driver=1", "driver=2"], "driver")]
    {
        let [one, two] = values.map(|value| format!("{flag}={value}"));
        let words = format!("{flag} names '{name}' twice");
        end(["run", &one, &two, &driver, "--", "echo"]).expect(2, &[&words]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rustyray.toml");
    std::fs::write(&file, "resources.gpu = 1\nweights.driver = 2\n").unwrap();
    let file = file.to_str().unwrap();
    let flags = ["--resource=gpu=2", "--weight=driver=3"];
    end([&["run", "--config", file], &flags[..], &[&driver, "--", "echo"]].concat()).expect(0, &[]);
}

#[test]
fn a_flag_with_a_wrong_value_says_what_it_takes() {
    for (flag, value, words) in [
        ("--fuel", "0", "whole number above 0"),
        ("--fuel", "lots", "whole number above 0"),
        ("--timeout", "5", "such as 5s"),
        ("--memory", "64Mb/s", "such as 64MiB"),
        ("--memory", "5GiB", "at most 4GiB"),
        ("--output", "-1", "such as 64MiB"),
        ("--object-store", "1TB", "such as 64MiB"),
        ("--cpus", "0", "such as 2 or 0.5"),
        ("--resource", "gpu", "such as gpu=1"),
        ("--resource", "gpu=-1", "such as gpu=1"),
        ("--resource", "gpu=NaN", "such as gpu=1"),
        ("--resource", "gpu=0.0001", "to three decimals"),
        ("--instances", "0", "above 0"),
        ("--grace", "soon", "such as 5s"),
        ("--dir", "here::", "HOST::GUEST"),
        ("--env", "RUSTYRAY_SURELY_NOT_SET", "is not set here"),
        ("--env", "=x", "NAME=VALUE"),
        ("--allow-net", "example.org:http", "no valid port"),
        ("--clock", "slow", "[possible values: real, fixed]"),
        ("--random", "dice", "as the seed"),
    ] {
        for command in ["run", "call"] {
            let flag = format!("{flag}={value}");
            end([command, &flag, "module.wasm", "task"]).expect(2, &["error: ", words]);
        }
    }
}

#[test]
fn a_wrong_command_line_says_how_it_goes() {
    end(["run"]).expect(2, &["<MODULE|DIR>", "Usage: rustyray-host run"]);
    end(["call", "module.wasm"]).expect(2, &["<TASK>"]);
    end(["walk", "module.wasm"]).expect(2, &["unrecognized subcommand 'walk'"]);
    end(["run", "--fule", "5", "module.wasm"]).expect(2, &["'--fuel'"]);
    end(["run", "module.wasm", "argument"]).expect(2, &["own arguments go after `--`"]);
    end(["run", "--quiet", "--verbose", "module.wasm"]).expect(2, &["cannot be used with"]);
    end(["run", "--dir", ".::/a", "--dir", "/::/a", "module.wasm"]).expect(2, &["both '/a'", "HOST::GUEST"]);
}

#[test]
fn what_the_host_needs_and_cannot_have_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = format!("{path}/file");
    std::fs::write(&file, "").unwrap();
    let missing = format!("{path}/missing");
    let nowhere = format!("{path}/missing/receipts");
    end(["run", "--dir", &missing, "m.wasm"]).expect(125, &["cannot open the folder", &missing, "hint: create it"]);
    end(["run", "--dir", &file, "m.wasm"]).expect(125, &["Not a directory", "the folder that the file is in"]);
    end(["run", "--receipts", &nowhere, "m.wasm"]).expect(125, &["cannot write receipts to", &nowhere]);
    end(["run", "--receipts", path, "m.wasm"]).expect(125, &["cannot write receipts to", "directory"]);
    end(["run", "--instances", "1000000000", "m.wasm"]).expect(125, &["cannot start the host", "fewer instances"]);
}

#[test]
fn the_help_of_each_command_has_the_exit_codes() {
    for arguments in [vec!["--help"], vec!["run", "--help"], vec!["call", "-h"]] {
        let help = end(arguments);
        for code in ["  120  ", "  124  ", "  130  ", "  143  "] {
            assert!(help.expect(0, &[]).out().contains(code), "{}", help.out());
        }
    }
}

#[test]
fn a_filter_that_is_none_does_no_harm() {
    let mut command = rustyray_host(["run", "/dev/null"]);
    end_of(command.env("RUST_LOG", "==,")).expect(120, &["RUST_LOG is not understood"]);
}
