//! `run`: streams, arguments, exit codes, limits.

use super::process::{Running, end};
use super::{driver, plain};

/// What the driver does with these arguments, under these flags.
fn run(flags: &[&str], arguments: &[&str]) -> super::process::Ended {
    let driver = driver();
    end([&["run"], flags, &[&driver, "--"], arguments].concat())
}

#[test]
fn a_program_has_its_arguments_and_its_own_streams() {
    let ended = run(&[], &["echo", "a b", "--fuel"]);
    assert_eq!(ended.expect(0, &[]).out(), "[\"driver.wasm\", \"echo\", \"a b\", \"--fuel\"]\n");
    let ended = run(&[], &["say", "out", "err"]);
    assert_eq!((ended.out(), ended.stderr.as_str()), ("out", "err"), "not a byte more");
}

#[test]
fn other_tasks_speak_on_standard_error_under_their_names() {
    let ended = run(&[], &["nap", "2", "1"]);
    ended.expect(0, &["(nap #", ") nap of 1"]);
    assert_eq!(ended.out(), "begins\nends\n");
}

#[test]
fn a_plain_program_runs_too() {
    let ended = end(["run", &plain(), "--", "x"]);
    assert_eq!(ended.expect(0, &[]).out(), "plain [\"plain.wasm\", \"x\"]\n");
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_programs_own_end_is_passed_on() {
    run(&[], &["exit", "0"]).expect(0, &[]);
    run(&[], &["exit", "1"]).expect(1, &[]);
    run(&[], &["fail"]).expect(1, &["main fails"]);
}

#[test]
fn each_other_end_has_its_code_and_says_what_to_do() {
    run(&["--fuel", "50_000_000"], &["loop"]).expect(122, &["ran out of fuel", "hint: raise it with --fuel"]);
    run(&["--memory", "64MiB"], &["hog"]).expect(123, &["ran out of memory", "hint: raise it with --memory"]);
    run(&["--timeout", "100ms"], &["loop"]).expect(124, &["timed out", "hint: raise it with --timeout"]);
    run(&["--output", "3"], &["echo", "too much"]).expect(122, &["exceeded a limit", "hint: raise it with --output"]);
}

#[test]
fn a_panic_is_told_once() {
    let ended = run(&[], &["panic"]);
    ended.expect(121, &["error: task main", "crashed", "backtrace:", "driver::main"]);
    assert_eq!(ended.stderr.matches("main panics").count(), 1, "{}", ended.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let driver = driver();
    let mut running = Running::start(["run", &driver, "--", "flood", "1000000"]);
    assert_eq!(running.line(), "line 0\n");
    let ended = running.hang_up();
    ended.expect(141, &[]);
    assert_eq!(ended.stderr, "");
}

#[test]
fn who_wants_more_hears_more() {
    let ended = run(&["-v", "--no-cache"], &["echo"]);
    ended.expect(0, &["note: loaded", "note: 1 done, 0 failed, 0 cancelled"]);
    assert!(!ended.stderr.contains("compiled modules"), "{}", ended.stderr);
}
