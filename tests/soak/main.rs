//! Mixed work for as long as asked, on one host, to see whether anything grows that should not: memory, open files, threads,
//! objects, instances, latency. `make soak` runs it; without arguments it tries itself out, as `make test` does: once as it
//! is, and once with a leak, which it has to find.

mod verdict;
mod windows;
mod work;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use verdict::Drift;
use windows::Windows;
use work::Work;

/// Of a run that only tries the program out.
const TRIAL: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A test runner asks for names, or for tests of another name.
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let minutes = arguments.iter().position(|argument| argument == "--minutes").and_then(|at| arguments.get(at + 1));
    match minutes.map(|minutes| minutes.parse::<f64>()) {
        Some(Ok(minutes)) if minutes > 0.0 => ended(&soak(Duration::from_secs_f64(minutes * 60.0), asked("--leak"))),
        Some(_) => {
            eprintln!("expected --minutes and a number above 0, and --leak for a leak that is to be found");
            ExitCode::from(2)
        }
        None if asked("--list") => ExitCode::SUCCESS,
        None => trial(),
    }
}

/// A short run is well, and one that leaks is not.
fn trial() -> ExitCode {
    let (well, leaking) = (soak(TRIAL, false), soak(TRIAL, true));
    println!("a run that is well: {well:?}\none that leaks: {leaking:?}");
    let found = leaking.iter().any(|drift| drift.of == "objects");
    if well.is_empty() && found { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ended(drifts: &[Drift]) -> ExitCode {
    drifts.iter().for_each(|drift| println!("DRIFT {drift}"));
    println!("{}", if drifts.is_empty() { "nothing drifts" } else { "something drifts" });
    if drifts.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Works for so long, and gives what has grown.
fn soak(time: Duration, leak: bool) -> Vec<Drift> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio starts");
    tokio.block_on(async {
        let mut work = Work::begin(leak).await;
        while !work.is_warm() {
            work.round().await;
        }
        let (start, mut windows) = (Instant::now(), Windows::new(time));
        while start.elapsed() < time {
            let sample = work.round().await;
            windows.add(start.elapsed(), sample);
        }
        work.end().await;
        verdict::drifts(&windows.finish(), time)
    })
}
