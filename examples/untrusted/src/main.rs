//! Code that nobody should trust, beside code that has work to do. Every bad task ends alone, with an error that says
//! why; every good one finishes. The exit code is 1 if not.

mod bad;
mod report;

use report::Report;
use rustyray::prelude::*;

/// Numbers, and how many primes are below them.
const PRIMES: [(u32, u32); 6] =
    [(10, 4), (100, 25), (1_000, 168), (10_000, 1_229), (100_000, 9_592), (1_000_000, 78_498)];

/// A good task: counts the primes below `n` with a sieve.
#[rustyray::remote]
fn primes_below(n: u32) -> u32 {
    let n = n as usize;
    let mut is_composite = vec![false; n];
    let mut primes = 0;
    for number in 2..n {
        if !is_composite[number] {
            primes += 1;
            (number..n).step_by(number).for_each(|multiple| is_composite[multiple] = true);
        }
    }
    primes
}

#[rustyray::main]
async fn main() -> Result<()> {
    // All are submitted before the first is awaited: good and bad run side by side.
    let bad = bad::submit_all();
    let good = PRIMES.map(|(n, _)| primes_below.remote(n));

    let mut report = Report::default();
    for (what, outcome) in bad {
        report.bad(what, outcome.await);
    }
    for ((n, right), outcome) in PRIMES.into_iter().zip(good) {
        report.good(&format!("primes below {n}"), right, outcome.await);
    }
    print!("{report}");
    report.verdict()
}
