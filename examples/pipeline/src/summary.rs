//! What readings say of each station.

use std::collections::BTreeMap;
use std::fmt::Write;

use rustyray::prelude::*;

/// The readings of each station, added up.
#[derive(Serialize, Deserialize, Debug, Default, PartialEq)]
#[serde(crate = "rustyray::serde")]
pub struct Summary(BTreeMap<String, Station>);

/// In tenths of a degree.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(crate = "rustyray::serde")]
struct Station {
    least: i64,
    most: i64,
    sum: i64,
    count: u64,
}

impl Summary {
    /// Reads lines of `station;degrees`.
    pub fn of_csv(text: &[u8]) -> Result<Self> {
        let mut summary = Self::default();
        for (number, line) in std::str::from_utf8(text)?.lines().enumerate() {
            let wrong = || Error::msg(format!("line {} is no `station;degrees`: {line:?}", number + 1));
            let (name, degrees) = line.split_once(';').ok_or_else(wrong)?;
            let tenths = tenths(degrees).ok_or_else(wrong)?;
            let reading = Station { least: tenths, most: tenths, sum: tenths, count: 1 };
            match summary.0.get_mut(name) {
                Some(station) => station.add(reading),
                None => drop(summary.0.insert(name.to_owned(), reading)),
            }
        }
        Ok(summary)
    }

    /// Adds another one.
    pub fn add(&mut self, other: Self) {
        for (name, readings) in other.0 {
            self.0.entry(name).and_modify(|station| station.add(readings)).or_insert(readings);
        }
    }

    /// How many readings there are.
    pub fn rows(&self) -> u64 {
        self.0.values().map(|station| station.count).sum()
    }

    /// A line for each station.
    pub fn table(&self) -> String {
        let mut table = format!("{:<10} {:>6} {:>6} {:>6} {:>8}\n", "station", "least", "mean", "most", "readings");
        for (name, Station { least, most, sum, count }) in &self.0 {
            let degrees = |tenths: i64| tenths as f64 / 10.0;
            let mean = degrees(*sum) / *count as f64;
            let _ =
                writeln!(table, "{name:<10} {:>6.1} {mean:>6.1} {:>6.1} {count:>8}", degrees(*least), degrees(*most));
        }
        table
    }
}

impl Station {
    fn add(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        self.sum += other.sum;
        self.count += other.count;
    }
}

/// `-12.3` as -123.
fn tenths(degrees: &str) -> Option<i64> {
    let (whole, tenth) = degrees.split_once('.')?;
    let tenth: i64 = tenth.parse().ok().filter(|tenth| (0..10).contains(tenth))?;
    let whole: i64 = whole.trim_start_matches('-').parse().ok()?;
    let size = whole.checked_mul(10)?.checked_add(tenth)?;
    Some(if degrees.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_added_up() {
        let mut all = Summary::of_csv("a;1.0\nb;-0.5\na;-2.3\n".as_bytes()).unwrap();
        all.add(Summary::of_csv(b"b;10.5\n").unwrap());
        assert_eq!(all.rows(), 4);
        let lines: Vec<String> =
            all.table().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines[1..], ["a -2.3 -0.7 1.0 2", "b -0.5 5.0 10.5 2"]);
    }

    #[test]
    fn what_is_no_reading_is_named() {
        for line in ["a", "a;", "a;1", "a;1.x", "a;x.1", "a;1.23"] {
            let text = format!("ok;1.0\n{line}\n");
            let error = Summary::of_csv(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("line 2 is no"), "{line}: {error}");
        }
    }
}
