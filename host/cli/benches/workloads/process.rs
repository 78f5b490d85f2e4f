//! What only a process of its own shows: its start, and the memory of an idle host.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::executor::block_on;

use crate::rounds::{ROUNDS, Rows, median, seconds_each};

/// The argument with which this program is the idle host.
pub const IDLE: &str = "idle";

/// Time for what a first task leaves behind to come to rest; Ray gets the same.
const SETTLING: Duration = Duration::from_secs(2);

/// All of it.
pub fn measure(rows: &mut Rows) {
    rows.lower("first-result", block_on(seconds_each(1, async || first_result())), "s");
    let megabytes = (0..ROUNDS).map(|_| idle_megabytes()).collect();
    rows.lower("idle-memory", median(megabytes), "MB");
    rows.note("resident, the embedding program included");
}

/// From the start of the command line to its result. The first call fills its cache of compiled modules.
fn first_result() -> Duration {
    let start = Instant::now();
    let mut call = Command::new(env!("CARGO_BIN_EXE_rustyray-host"));
    call.arg("call").arg(crate::guest()).args(["add", "1", "2"]);
    let sum = first_line(call.env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache")));
    assert_eq!(sum.0, "3");
    sum.1.duration_since(start)
}

fn idle_megabytes() -> f64 {
    let kilobytes: f64 = first_line(Command::new(std::env::current_exe().unwrap()).arg(IDLE)).0.parse().unwrap();
    kilobytes * 1024.0 / 1e6
}

/// The first line of a program's output, and when it came.
fn first_line(command: &mut Command) -> (String, Instant) {
    let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let read = Instant::now();
    assert!(program.wait().unwrap().success());
    (line.trim_end().to_owned(), read)
}

/// A host that has run one task: prints the kilobytes that are resident.
pub fn idle() {
    block_on(async {
        let (host, module) = crate::start(crate::builder()).await;
        let sum = module.task("add").arg(1i64).arg(2i64).submit().await;
        assert_eq!(host.get::<i64>(&sum).await.unwrap(), 3);
        std::thread::sleep(SETTLING);
        println!("{}", resident_kilobytes());
    });
}

fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
