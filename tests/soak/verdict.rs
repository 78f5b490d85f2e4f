//! Has anything grown? The last quarter of a run is compared with its second one, by the medians of their windows; in the first
//! one a host fills its caches.

use std::fmt;
use std::time::Duration;

use crate::windows::{Sample, median};

/// What the allocator keeps goes up and down by less. A reference that is left behind by each round is found by the count of
/// objects, a leak of a kilobyte by each task within ten minutes by this.
const MEMORY_TOLERANCE: u64 = 24 << 20;

/// tokio's threads that wait for files come and go.
const THREADS_TOLERANCE: u64 = 8;

/// Others use the machine as well: latency has drifted when it has become this many times what it was, and a little more.
const LATENCY_FACTOR: u64 = 2;
const LATENCY_TOLERANCE_NS: u64 = 100_000;

/// One in a hundred meets whatever else the machine does.
const SLOW_TOLERANCE_NS: u64 = 5_000_000;

/// In a shorter run the machine has other things to do for as long as a quarter of it.
const LATENCY_FROM: Duration = Duration::from_secs(60);

/// Something that has grown.
#[derive(Debug)]
pub struct Drift {
    /// What.
    pub of: &'static str,
    early: u64,
    late: u64,
    tolerance: u64,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drift { of, early, late, tolerance } = self;
        write!(f, "of {of}: {early} in the second quarter, {late} in the last, more than the {tolerance} that may be")
    }
}

/// What has grown in a run of this length.
pub fn drifts(windows: &[Sample], time: Duration) -> Vec<Drift> {
    let quarter = windows.len() / 4;
    let of = |windows: &[Sample], part: fn(&Sample) -> u64| median(windows.iter().map(part).collect());
    let check = |of_what, part: fn(&Sample) -> u64, tolerance: &dyn Fn(u64) -> u64| {
        let (early, late) = (of(&windows[quarter..2 * quarter], part), of(&windows[windows.len() - quarter..], part));
        let tolerance = tolerance(early);
        (late > early + tolerance).then_some(Drift { of: of_what, early, late, tolerance })
    };
    let mut found = vec![
        check("memory", |sample| sample.memory, &|_| MEMORY_TOLERANCE),
        check("files", |sample| sample.files, &|_| 0),
        check("threads", |sample| sample.threads, &|_| THREADS_TOLERANCE),
        check("objects", |sample| sample.objects, &|_| 0),
        check("instances", |sample| sample.instances, &|_| 0),
    ];
    if time >= LATENCY_FROM {
        let median = |early: u64| early * (LATENCY_FACTOR - 1) + LATENCY_TOLERANCE_NS;
        let slow = |early: u64| early * (LATENCY_FACTOR - 1) + SLOW_TOLERANCE_NS;
        found.push(check("latency", |sample| sample.median_ns, &median));
        found.push(check("latency of the slowest", |sample| sample.slow_ns, &slow));
    }
    if quarter == 0 {
        return vec![Drift { of: "the run, which was too short", early: 4, late: windows.len() as u64, tolerance: 0 }];
    }
    found.into_iter().flatten().collect()
}
