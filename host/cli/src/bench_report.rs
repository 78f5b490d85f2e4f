//! What `bench` found out about a task.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use rustyray_host::{LogLine, Receipt, TaskError};
use serde::Serialize;

use super::histogram::Histogram;

/// The measurements as they grow.
pub struct Measured {
    signature: String,
    module: String,
    /// Latencies, one call at a time.
    pub latency: Histogram,
    /// For how long those were measured.
    pub latency_time: Duration,
    /// Calls in flight for the throughput.
    pub concurrency: usize,
    /// Calls that came back meanwhile.
    pub done: u64,
    /// For how long that was measured.
    pub throughput_time: Duration,
    /// Ended before its time?
    pub interrupted: bool,
    /// The first error, if there was any.
    pub failed: Option<Arc<TaskError>>,
    errors: u64,
    use_: Use,
}

/// What the calls used, by their receipts.
#[derive(Default)]
struct Use {
    receipts: u64,
    fuel: u64,
    fuel_min: u64,
    fuel_max: u64,
    memory_peak: u64,
    bytes_in: u64,
    bytes_out: u64,
}

/// What `--json` prints.
#[derive(Serialize)]
pub struct Report<'a> {
    task: &'a str,
    module: &'a str,
    latency: Latency,
    throughput: Throughput,
    fuel: Fuel,
    memory_peak_bytes: u64,
    bytes_in: u64,
    bytes_out: u64,
    errors: u64,
    interrupted: bool,
}

#[derive(Serialize)]
struct Latency {
    calls: u64,
    seconds: f64,
    min_ns: u64,
    p50_ns: u64,
    p90_ns: u64,
    p99_ns: u64,
    max_ns: u64,
    /// Pairs: nanoseconds up to which, and how many.
    histogram: Vec<(u64, u64)>,
}

#[derive(Serialize)]
struct Throughput {
    calls: u64,
    seconds: f64,
    per_second: f64,
    concurrency: usize,
}

#[derive(Serialize)]
struct Fuel {
    min: u64,
    mean: u64,
    max: u64,
}

impl Measured {
    /// Nothing yet.
    pub fn new(signature: String, module: String, concurrency: usize) -> Self {
        Measured {
            signature,
            module,
            latency: Histogram::new(),
            latency_time: Duration::ZERO,
            concurrency,
            done: 0,
            throughput_time: Duration::ZERO,
            interrupted: false,
            failed: None,
            errors: 0,
            use_: Use { fuel_min: u64::MAX, ..Use::default() },
        }
    }

    /// A call came back.
    pub fn count(&mut self, error: Option<Arc<TaskError>>, receipt: Option<Receipt>) {
        if let Some(error) = error {
            self.errors += 1;
            self.failed.get_or_insert(error);
        }
        if let Some(receipt) = receipt {
            self.use_.add(&receipt);
        }
    }

    /// For scripts.
    pub fn report(&self) -> Report<'_> {
        let (times, used) = (&self.latency, &self.use_);
        Report {
            task: &self.signature,
            module: &self.module,
            latency: Latency {
                calls: times.count(),
                seconds: self.latency_time.as_secs_f64(),
                min_ns: times.min(),
                p50_ns: times.quantile(0.5),
                p90_ns: times.quantile(0.9),
                p99_ns: times.quantile(0.99),
                max_ns: times.max(),
                histogram: times.buckets().iter().map(|bucket| (bucket.up_to, bucket.count)).collect(),
            },
            throughput: Throughput {
                calls: self.done,
                seconds: self.throughput_time.as_secs_f64(),
                per_second: self.per_second(),
                concurrency: self.concurrency,
            },
            fuel: used.fuel(),
            memory_peak_bytes: used.memory_peak,
            bytes_in: used.mean(used.bytes_in),
            bytes_out: used.mean(used.bytes_out),
            errors: self.errors,
            interrupted: self.interrupted,
        }
    }

    /// For people.
    pub fn sheet(&self) -> String {
        let Report { latency, throughput, fuel, .. } = self.report();
        let mut text = String::new();
        let mut line = |words: std::fmt::Arguments<'_>| {
            // A text takes all that is written.
            let _ = writeln!(text, "{words}");
        };
        line(format_args!("{} of module {}", LogLine::clean(&self.signature), self.module));
        line(format_args!("\nlatency, one at a time: {} calls in {:.1} s", latency.calls, latency.seconds));
        let Latency { min_ns, p50_ns, p90_ns, p99_ns, max_ns, .. } = latency;
        let [min, p50, p90, p99, max] = [min_ns, p50_ns, p90_ns, p99_ns, max_ns].map(time);
        line(format_args!("  min {min}   p50 {p50}   p90 {p90}   p99 {p99}   max {max}"));
        for (bucket, bar) in self.latency.bars() {
            line(format_args!("  up to {:>9} {:>9} {bar}", time(bucket.up_to), bucket.count));
        }
        let Throughput { calls, seconds, per_second, concurrency } = throughput;
        line(format_args!("\nthroughput, {concurrency} in flight: {per_second:.0}/s, {calls} calls in {seconds:.1} s"));
        line(format_args!("\nfuel a call: {} to {}, {} on average", fuel.min, fuel.max, fuel.mean));
        line(format_args!("memory: at most {:.1} MiB", self.use_.memory_peak as f64 / f64::from(1 << 20)));
        if self.errors > 0 {
            line(format_args!("errors: {}, the first is below", self.errors));
        }
        if self.interrupted {
            line(format_args!("(it was interrupted)"));
        }
        text
    }

    fn per_second(&self) -> f64 {
        let seconds = self.throughput_time.as_secs_f64();
        if seconds > 0.0 { self.done as f64 / seconds } else { 0.0 }
    }
}

impl Use {
    fn add(&mut self, receipt: &Receipt) {
        self.receipts += 1;
        self.fuel += receipt.fuel_used;
        self.fuel_min = self.fuel_min.min(receipt.fuel_used);
        self.fuel_max = self.fuel_max.max(receipt.fuel_used);
        self.memory_peak = self.memory_peak.max(receipt.memory_peak_bytes);
        self.bytes_in += receipt.bytes_in;
        self.bytes_out += receipt.bytes_out;
    }

    fn fuel(&self) -> Fuel {
        Fuel { min: self.fuel_min.min(self.fuel_max), mean: self.mean(self.fuel), max: self.fuel_max }
    }

    fn mean(&self, sum: u64) -> u64 {
        sum.checked_div(self.receipts).unwrap_or(0)
    }
}

/// Three figures, or so, and a unit.
fn time(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    match units.iter().find(|(size, _)| ns >= *size) {
        Some((size, unit)) => {
            let number = ns as f64 / *size as f64;
            let digits = if number < 100.0 { 1 } else { 0 };
            format!("{number:.digits$} {unit}")
        }
        None => format!("{ns} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (ns, text) in
            [(0, "0 ns"), (999, "999 ns"), (15_300, "15.3 µs"), (123_456, "123 µs"), (2_000_000_000, "2.0 s")]
        {
            assert_eq!(time(ns), text);
        }
    }

    #[test]
    fn nothing_measured_is_no_mistake() {
        let measured = Measured::new("f()".to_owned(), "m".to_owned(), 8);
        assert!(measured.sheet().contains("0 calls"));
        assert_eq!(measured.report().throughput.per_second, 0.0);
    }
}
