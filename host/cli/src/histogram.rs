//! Durations, counted in buckets: any number of them in a fixed space.

use std::time::Duration;

/// Buckets between a number and its double. A quantile is off by at most a sixteenth.
const PARTS: u64 = 16;
const BUCKETS: usize = (64 - PARTS.ilog2() as usize + 1) * PARTS as usize;

/// Bars that are drawn at most.
const BARS_MAX: usize = 20;

/// Characters of the longest bar.
const BAR_WIDTH: u64 = 40;

/// A distribution of durations, in nanoseconds.
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    min: u64,
    max: u64,
}

/// Durations of one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The longest that belongs in it, in nanoseconds.
    pub up_to: u64,
    /// How many there are.
    pub count: u64,
}

impl Histogram {
    /// One without anything in it.
    pub fn new() -> Self {
        Histogram { counts: vec![0; BUCKETS], count: 0, min: u64::MAX, max: 0 }
    }

    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        let ns = time.as_nanos().min(u128::from(u64::MAX)) as u64;
        self.counts[index(ns)] += 1;
        self.count += 1;
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest.
    pub fn min(&self) -> u64 {
        self.min.min(self.max)
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The least duration that this part of all are not longer than, rounded up to its bucket's end.
    pub fn quantile(&self, part: f64) -> u64 {
        let rank = ((self.count as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map_or(0, upper).clamp(self.min(), self.max)
    }

    /// The buckets that have any, the shortest first.
    pub fn buckets(&self) -> Vec<Bucket> {
        let all = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        all.map(|(index, count)| Bucket { up_to: upper(index).min(self.max), count: *count }).collect()
    }

    /// A line for each bar, of the durations that matter: the slowest hundredth is one bar.
    pub fn bars(&self) -> Vec<(Bucket, String)> {
        let mut buckets = self.buckets();
        let tail = self.quantile(0.99);
        let slow: u64 = buckets.iter().filter(|bucket| bucket.up_to > tail).map(|bucket| bucket.count).sum();
        buckets.retain(|bucket| bucket.up_to <= tail);
        while buckets.len() >= BARS_MAX {
            buckets = buckets.chunks(2).map(merged).collect();
        }
        buckets.extend((slow > 0).then_some(Bucket { up_to: self.max, count: slow }));
        let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(1);
        buckets.into_iter().map(|bucket| (bucket, bar(bucket.count, most))).collect()
    }
}

fn merged(pair: &[Bucket]) -> Bucket {
    Bucket { up_to: pair.last().map_or(0, |last| last.up_to), count: pair.iter().map(|bucket| bucket.count).sum() }
}

fn bar(count: u64, most: u64) -> String {
    "█".repeat((count.saturating_mul(BAR_WIDTH)).div_ceil(most) as usize)
}

/// Small numbers have a bucket each, the others `PARTS` in each octave.
fn index(ns: u64) -> usize {
    if ns < PARTS {
        return ns as usize;
    }
    let octave = ns.ilog2() - PARTS.ilog2();
    (u64::from(octave) * PARTS + (ns >> octave)) as usize
}

/// The greatest number that belongs in a bucket.
fn upper(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * PARTS {
        return index;
    }
    let (octave, part) = (index / PARTS - 1, index % PARTS + PARTS);
    ((u128::from(part + 1) << octave) - 1).min(u128::from(u64::MAX)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_in_a_bucket_that_is_no_wider_than_a_sixteenth() {
        for ns in (0..5000).chain((0..64).map(|bit| 1 << bit)).chain([u64::MAX, u64::MAX - 1]) {
            let at = index(ns);
            assert!(at < BUCKETS, "{ns}");
            assert!(upper(at) >= ns && (at == 0 || upper(at - 1) < ns), "{ns} in {at}");
            assert!(upper(at) - ns <= ns / PARTS, "{ns} up to {}", upper(at));
        }
    }

    #[test]
    fn quantiles_are_of_what_was_added() {
        let mut histogram = Histogram::new();
        assert_eq!((histogram.min(), histogram.quantile(0.5), histogram.max()), (0, 0, 0));
        (1..=1000).for_each(|us| histogram.add(Duration::from_micros(us)));
        assert_eq!((histogram.count(), histogram.min(), histogram.max()), (1000, 1_000, 1_000_000));
        for (part, exact) in [(0.5, 500_000), (0.9, 900_000), (0.99, 990_000)] {
            let found = histogram.quantile(part);
            assert!(found >= exact && found <= exact + exact / PARTS, "{part}: {found}");
        }
        assert_eq!(histogram.quantile(1.0), 1_000_000);
    }

    #[test]
    fn bars_count_all_and_are_few() {
        let mut histogram = Histogram::new();
        (1..=100_000).for_each(|ns| histogram.add(Duration::from_nanos(ns * ns)));
        let bars = histogram.bars();
        assert!(bars.len() <= BARS_MAX + 1, "{}", bars.len());
        assert_eq!(bars.iter().map(|(bucket, _)| bucket.count).sum::<u64>(), 100_000);
        assert_eq!(bars.iter().map(|(_, bar)| bar.chars().count()).max(), Some(BAR_WIDTH as usize));
        assert!(Histogram::new().bars().is_empty());
    }
}
