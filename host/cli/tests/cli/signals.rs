//! SIGINT and SIGTERM: the first drains, the second ends.

use super::driver;
use super::process::Running;

/// The driver, when this many of its naps have begun.
fn napping(flags: &[&str], count: &str, milliseconds: &str) -> Running {
    let driver = driver();
    let arguments = ["--timeout", "60s", &driver, "--", "nap", count, milliseconds];
    let running = Running::start([&["run"], flags, &arguments].concat());
    running.until("nap of");
    running
}

#[test]
fn a_signal_lets_the_work_finish() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let driver = driver();
        let mut running = Running::start(["run", "--grace", "60s", "--stdin", &driver, "--", "wait"]);
        assert_eq!(running.line(), "begins\n");
        running.signal(signal);
        running.until("draining");
        running.close_stdin();
        let ended = running.end();
        ended.expect(code, &["draining: 1 task has 1m to finish (again to end at once)"]);
        assert_eq!(ended.out(), "ends\n");
        assert!(!ended.stderr.contains("was ended"), "{}", ended.stderr);
    }
}

#[test]
fn what_does_not_finish_in_time_is_ended() {
    let running = napping(&["--grace", "10ms"], "2", "60000");
    running.signal("TERM");
    let ended = running.end();
    ended.expect(143, &["the time to finish is over"]);
    assert_eq!(ended.out(), "begins\n");
}

#[test]
fn a_second_signal_ends_at_once() {
    let running = napping(&["--grace", "60s"], "2", "60000");
    running.signal("INT");
    running.until("draining");
    running.signal("INT");
    let ended = running.end();
    ended.expect(130, &[]);
    assert!(!ended.stderr.contains("was ended"), "{}", ended.stderr);
}
