//! What is seen after each round of work, and its medians over windows of time.

use std::time::Duration;

/// Windows of a run: so many that a quarter of them still has a median.
const WINDOWS: u32 = 20;

/// What is seen after a round, when nothing runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Resident bytes.
    pub memory: u64,
    pub files: u64,
    pub threads: u64,
    pub objects: u64,
    pub instances: u64,
    /// Of a probe task, in nanoseconds: what half of them took, and all but one in a hundred.
    pub median_ns: u64,
    pub slow_ns: u64,
    /// Of the round.
    pub tasks: u64,
}

/// Samples by the window in which they were taken.
pub struct Windows {
    length: Duration,
    samples: Vec<Sample>,
    medians: Vec<Sample>,
}

impl Windows {
    pub fn new(time: Duration) -> Self {
        Windows { length: time / WINDOWS, samples: Vec::new(), medians: Vec::new() }
    }

    /// Takes a sample in, at this time of the run.
    pub fn add(&mut self, at: Duration, sample: Sample) {
        self.samples.push(sample);
        if at >= self.length * (self.medians.len() as u32 + 1) {
            self.close(at);
        }
    }

    /// The medians of all windows that had a sample.
    pub fn finish(self) -> Vec<Sample> {
        self.medians
    }

    fn close(&mut self, at: Duration) {
        let samples = std::mem::take(&mut self.samples);
        let of = |part: fn(&Sample) -> u64| median(samples.iter().map(part).collect());
        let window = Sample {
            memory: of(|sample| sample.memory),
            files: of(|sample| sample.files),
            threads: of(|sample| sample.threads),
            objects: of(|sample| sample.objects),
            instances: of(|sample| sample.instances),
            median_ns: of(|sample| sample.median_ns),
            slow_ns: of(|sample| sample.slow_ns),
            tasks: samples.iter().map(|sample| sample.tasks).sum(),
        };
        println!(
            "{:>6.1} s: {:>4} rounds, {:>7} tasks, {:>4} MiB, {} files, {} threads, {} objects, {} instances, probe {} µs \
             (p99 {} µs)",
            at.as_secs_f64(),
            samples.len(),
            window.tasks,
            window.memory >> 20,
            window.files,
            window.threads,
            window.objects,
            window.instances,
            window.median_ns / 1000,
            window.slow_ns / 1000,
        );
        self.medians.push(window);
    }
}

/// The middle one.
pub fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}
