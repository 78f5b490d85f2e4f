//! The process's own streams, and files that several processes share.

use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::process::Stdio;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::ioctl_fionread;
use rustyray_host::Receipt;

use super::driver;
use super::process::{Running, end, rustyray_host};

/// Bytes that a pipe holds.
const PIPE: u64 = 64 << 10;

#[test]
fn standard_input_is_read_no_further_than_the_program_took_it() {
    let driver = driver();
    let run = ["run", "--stdin", &driver, "--", "stdin-once"];
    let text = b"0123456789".repeat(10_000);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&text).unwrap();
    file.rewind().unwrap();
    let taken = |input: Stdio| -> usize {
        let output = rustyray_host(run).stdin(input).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    let first = taken(file.try_clone().unwrap().into());
    assert!(first > 0 && file.stream_position().unwrap() == first as u64);
    let second = taken(file.try_clone().unwrap().into());
    assert_eq!(file.stream_position().unwrap(), (first + second) as u64);
    // So it is with a pipe, which may be one that doesn't block.
    for flags in [OFlags::empty(), OFlags::NONBLOCK] {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let text = &text[..20_000];
        writer.write_all(text).unwrap();
        drop(writer);
        let before = fcntl_getfl(&reader).unwrap();
        fcntl_setfl(&reader, before | flags).unwrap();
        let taken = taken(reader.try_clone().unwrap().into());
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert!(taken > 0 && rest == text[taken..], "{taken} and {}", rest.len());
    }
}

#[test]
fn a_program_that_waits_for_standard_input_hears_of_it() {
    let driver = driver();
    for flags in [OFlags::empty(), OFlags::NONBLOCK] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let before = fcntl_getfl(&reader).unwrap();
        fcntl_setfl(&reader, before | flags).unwrap();
        let mut command = rustyray_host(["run", "--stdin", &driver, "--", "wait"]);
        let mut child = command.stdin(reader).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        let mut begins = [0; 7];
        output.read_exact(&mut begins).unwrap();
        writer.write_all(b"some").unwrap();
        drop(writer);
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!((&begins, &*rest), (b"begins\n", "ends\n"));
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn an_output_that_does_not_block_loses_nothing() {
    let driver = driver();
    let long = "0123456789".repeat(10_000);
    let quoted = format!("\"{long}\"");
    for (arguments, expected) in [
        (vec!["run", &driver, "--", "say", &long, ""], &long),
        (vec!["call", &driver, "echoed", &quoted], &format!("{quoted}\n")),
    ] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let flags = fcntl_getfl(&writer).unwrap();
        fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
        // The command keeps a copy of the other end, and is gone before the end is read.
        let mut command = rustyray_host(arguments);
        let mut child = command.stdout(writer.as_fd().try_clone_to_owned().unwrap()).spawn().unwrap();
        drop((command, writer));
        // Nobody reads before it is full.
        while ioctl_fionread(&reader).unwrap() < PIPE && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let mut output = String::new();
        reader.read_to_string(&mut output).unwrap();
        assert!(output == *expected, "{} of {} bytes", output.len(), expected.len());
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn two_processes_share_a_file_of_receipts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("receipts.jsonl");
    std::fs::write(&path, "of another run\n").unwrap();
    let (driver, file) = (driver(), path.to_str().unwrap());
    let mut first = Running::start(["run", "--stdin", "--receipts", file, &driver, "--", "wait"]);
    assert_eq!(first.line(), "begins\n");
    let others = std::thread::scope(|scope| {
        let others: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| end(["run", "--receipts", file, &driver, "--", "nap", "200", "1"])))
            .collect();
        others.into_iter().map(|other| other.join().unwrap()).collect::<Vec<_>>()
    });
    first.close_stdin();
    first.end().expect(0, &[]);
    for other in &others {
        other.expect(0, &[]);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let receipts: Vec<Receipt> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(receipts.len(), 1 + 3 * 201, "each line is whole, and none is missing");
    // A file that nobody writes to any more is replaced.
    end(["run", "--receipts", file, &driver, "--", "echo"]).expect(0, &[]);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
}

#[test]
fn a_timeline_is_one_process_s() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let (driver, file) = (driver(), path.to_str().unwrap());
    let mut first = Running::start(["run", "--stdin", "--timeline", file, &driver, "--", "wait"]);
    assert_eq!(first.line(), "begins\n");
    let refused = end(["run", "--timeline", file, &driver, "--", "echo"]);
    refused.expect(125, &["cannot write the timeline to", "another process writes to it"]);
    first.close_stdin();
    first.end().expect(0, &[]);
    serde_json::from_str::<Vec<serde_json::Value>>(&std::fs::read_to_string(&path).unwrap()).unwrap();
}

#[test]
fn spilled_objects_leave_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let spilled = folder.path().join("not/there");
    let driver = driver();
    end(["run", "--spill", spilled.to_str().unwrap(), &driver, "--", "echo"]).expect(0, &[]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_program_s_exit_code_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let program = |code: u8| {
        let text = format!(
            r#"(component
                (import "wasi:cli/exit@0.2.3"
                    (instance $exit (export "exit-with-code" (func (param "status-code" u8)))))
                (core func $exit (canon lower (func $exit "exit-with-code")))
                (core module $main
                    (import "" "exit" (func $exit (param i32)))
                    (func (export "run") (result i32) (call $exit (i32.const {code})) (i32.const 0)))
                (core instance $main (instantiate $main (with "" (instance (export "exit" (func $exit))))))
                (func $run (result (result)) (canon lift (core func $main "run")))
                (instance $run (export "run" (func $run)))
                (export "wasi:cli/run@0.2.3" (instance $run)))"#
        );
        let path = folder.path().join(format!("exits-{code}.wasm"));
        std::fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    for code in [0, 3, 42] {
        let ended = end(["run", &program(code)]);
        assert_eq!((ended.code, &*ended.stderr), (Some(i32::from(code)), ""), "{ended:?}");
    }
    for code in [2, 121, 124] {
        let told = format!("the program itself ended with exit code {code}");
        end(["run", &program(code)]).expect(i32::from(code), &[&told]);
    }
}

#[test]
fn what_must_not_be_written_over_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    std::fs::write(&path, "before\n").unwrap();
    let driver = driver();
    let module = folder.path().join("module.wasm");
    std::fs::copy(&driver, &module).unwrap();
    let module = module.to_str().unwrap();
    for flag in ["--receipts", "--timeline"] {
        let run = ["run", flag, path.to_str().unwrap(), &driver, "--", "echo"];
        let output = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        let refused = rustyray_host(run).stdout(output).output().unwrap();
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(refused.status.code() == Some(125) && told.contains("standard output"), "{told}");
        end(["run", flag, module, module, "--", "echo"]).expect(125, &["it is a WebAssembly module"]);
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"before\n");
    assert_eq!(std::fs::read(module).unwrap(), std::fs::read(&driver).unwrap());
    end(["run", "--timeline", "/dev/stdout", &driver, "--", "echo"]).expect(125, &["a pipe can't be written to again"]);
}

#[test]
fn numbers_come_out_as_they_went_in() {
    let driver = driver();
    for number in ["122.41629403378658", "2.7715077941825975e-163", "-3.44654920223904e-30", "0.1"] {
        let ended = end(["call", &driver, "echoed_number", number]);
        assert_eq!(ended.out().trim().parse::<f64>().unwrap().to_bits(), number.parse::<f64>().unwrap().to_bits());
    }
}

#[test]
fn spilled_objects_go_whatever_signal_ends_the_process() {
    let driver = driver();
    for (signals, code) in
        [(&["INT", "INT"][..], 130), (&["TERM", "TERM"], 143), (&["HUP", "HUP"], 129), (&["HUP"], 129)]
    {
        if signals.contains(&"HUP") && ignores_hang_ups() {
            eprintln!("skipped: SIGHUP is ignored here, as under nohup, and so by whatever is started");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let spill = folder.path().to_str().unwrap();
        let grace = if signals.len() > 1 { "1h" } else { "10ms" };
        let flags = ["run", "--grace", grace, "--object-store", "4MiB", "--spill", spill];
        let mut running = Running::start([&flags[..], &[&driver, "--", "spill", "20"]].concat());
        assert_eq!(running.line(), "spilled\n");
        let count = || walk(folder.path());
        assert!(count() > 1, "{}", count());
        for (sent, signal) in signals.iter().enumerate() {
            running.signal(signal);
            if sent + 1 < signals.len() {
                running.until("draining");
            }
        }
        running.end().expect(code, &[]);
        assert!(count() <= 1, "{} files are left", count());
    }
}

/// What is ignored is ignored by children, too.
fn ignores_hang_ups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(ignored.trim(), 16).unwrap() & 1 == 1
}

/// Files in a folder and the folders in it.
fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 }).sum()
}
