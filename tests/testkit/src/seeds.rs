//! The seeds of tests that do things at random: what fails once can be had again.

use std::time::{SystemTime, UNIX_EPOCH};

/// A seed that is set here is the only one.
const VARIABLE: &str = "RUSTYRAY_SEED";

/// The seeds from 0 on, `fixed` of them, and one that is new each time.
pub fn of_this_run(fixed: u64) -> Vec<u64> {
    let only = std::env::var(VARIABLE).ok().map(|seed| seed.parse().expect("a seed is a number"));
    only.map_or_else(|| (0..fixed).chain([fresh()]).collect(), |seed| vec![seed])
}

/// Runs a test with each of them.
pub fn each(fixed: u64, run: impl Fn(u64)) {
    for seed in of_this_run(fixed) {
        let _said = Replay(seed);
        run(seed);
    }
}

/// Nanoseconds tell one run from the next, whatever the clock shows.
fn fresh() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// Says how to have a failure again, if there is one while it lives.
pub struct Replay(pub u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with {VARIABLE}={}", self.0);
        }
    }
}
