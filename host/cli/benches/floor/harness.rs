//! How a row is measured: rounds in which the sides take turns, so that what disturbs the machine disturbs them all.

use std::cell::OnceCell;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::bare::Bare;
use crate::ours::Ours;

/// Rounds of a full run: an odd number, so that the median is one of them.
pub const ROUNDS: usize = 7;
const QUICK_ROUNDS: usize = 3;
/// How long one side runs in one round. Thousands of tasks fit in it, and a stall of the machine is a part of it.
const SLICE: Duration = Duration::from_millis(150);
const QUICK_SLICE: Duration = Duration::from_millis(40);

/// The part of the operations in which the system gave the core to somebody else, on a machine that is not at its limit.
const STALLED: f64 = 0.01;

/// What all rows share.
pub struct Bench {
    /// How often the sides take turns.
    pub rounds: usize,
    /// How long one side runs in one round.
    pub slice: Duration,
    quick: bool,
    ours: OnceCell<Arc<Ours>>,
    bare: OnceCell<Arc<Bare>>,
}

impl Bench {
    pub fn new(quick: bool, rounds: Option<usize>) -> Self {
        let (usual, slice) = if quick { (QUICK_ROUNDS, QUICK_SLICE) } else { (ROUNDS, SLICE) };
        Bench { rounds: rounds.unwrap_or(usual), slice, quick, ours: OnceCell::new(), bare: OnceCell::new() }
    }

    /// An amount of work, or the smaller one of a quick run.
    pub fn amount<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// The host as it is shipped.
    pub fn ours(&self) -> Arc<Ours> {
        self.ours.get_or_init(|| Arc::new(Ours::standard())).clone()
    }

    /// Bare wasmtime with the host's settings.
    pub fn bare(&self) -> Arc<Bare> {
        self.bare.get_or_init(|| Arc::new(Bare::standard())).clone()
    }

    /// Has the sides take turns. Every second round goes backwards, so that none always comes after the same other.
    pub fn rounds<const N: usize>(&self, mut sides: [&mut dyn FnMut() -> Round; N]) -> [Series; N] {
        // Not counted: the first round fills caches, pools and allocators.
        sides.iter_mut().for_each(|side| drop(side()));
        let mut series = std::array::from_fn(|_| Series::default());
        for round in 0..self.rounds {
            let forwards = round % 2 == 0;
            for turn in 0..N {
                let side = if forwards { turn } else { N - 1 - turn };
                series[side].0.push(sides[side]());
            }
        }
        series
    }
}

/// What one side did in one round.
#[derive(Clone, Debug)]
pub struct Round {
    /// The figure of the round, in the row's unit.
    pub figure: f64,
    /// What each operation took, where it was looked at: nanoseconds.
    pub samples: Vec<f64>,
}

impl Round {
    /// A round of which only the figure counts.
    pub fn of(figure: f64) -> Self {
        Round { figure, samples: Vec::new() }
    }

    /// Operations that were timed one by one. The figure is the mean of all but the slowest: a median would hide what is
    /// done for many at once, such as giving memory back, and a mean of all would tell what the neighbours did.
    pub fn of_samples(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let counted = &samples[..samples.len() - (samples.len() as f64 * STALLED) as usize];
        let figure = counted.iter().sum::<f64>() / counted.len() as f64;
        Round { figure, samples }
    }

    /// So many operations in this time: the figure is operations in a second.
    pub fn rate(count: usize, elapsed: Duration) -> Self {
        Round::of(count as f64 / elapsed.as_secs_f64())
    }

    /// So many operations in this time: the figure is nanoseconds for each.
    pub fn each(count: usize, elapsed: Duration) -> Self {
        Round::of(elapsed.as_nanos() as f64 / count as f64)
    }
}

/// One side in all rounds.
#[derive(Clone, Debug, Default)]
pub struct Series(pub Vec<Round>);

impl Series {
    /// The median of the rounds.
    pub fn figure(&self) -> f64 {
        quantile(self.figures().collect(), 0.5)
    }

    pub fn figures(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|round| round.figure)
    }

    /// A quantile of all operations of all rounds.
    pub fn sample(&self, fraction: f64) -> f64 {
        quantile(self.0.iter().flat_map(|round| &round.samples).copied().collect(), fraction)
    }

    /// One after the other: the figures added, round by round.
    pub fn then(&self, next: &Series) -> Series {
        Series(self.figures().zip(next.figures()).map(|(first, second)| Round::of(first + second)).collect())
    }
}

/// The value below which this fraction of the values is.
pub fn quantile(mut values: Vec<f64>, fraction: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * fraction).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Does something again and again for this long, each time as soon as it is done.
pub async fn repeat<F: Future>(slice: Duration, mut operation: impl FnMut() -> F) -> Round {
    let mut laps = Laps::begin(slice);
    while laps.go_on() {
        std::hint::black_box(operation().await);
        laps.done();
    }
    Round::of_samples(laps.samples)
}

/// The same for what does not wait.
pub fn repeat_now<T>(slice: Duration, mut operation: impl FnMut() -> T) -> Round {
    let mut laps = Laps::begin(slice);
    while laps.go_on() {
        std::hint::black_box(operation());
        laps.done();
    }
    Round::of_samples(laps.samples)
}

/// Times one operation after the other. The end of one is the beginning of the next, so that the clock is read once.
struct Laps {
    begun: Instant,
    last: Instant,
    slice: Duration,
    samples: Vec<f64>,
}

impl Laps {
    fn begin(slice: Duration) -> Self {
        let now = Instant::now();
        Laps { begun: now, last: now, slice, samples: Vec::new() }
    }

    fn go_on(&self) -> bool {
        self.last - self.begun < self.slice
    }

    fn done(&mut self) {
        let now = Instant::now();
        self.samples.push((now - self.last).as_nanos() as f64);
        self.last = now;
    }
}

/// How long something takes.
pub fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}
