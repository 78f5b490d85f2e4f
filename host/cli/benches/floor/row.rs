//! A row of the table: what was measured, beside its floor and its goal.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::harness::Series;

/// The end of the name of a further figure that is a plain number.
pub const COUNT: &str = "(count)";

/// Cores of other processes from which on a row says that it was disturbed.
const DISTURBED: f64 = 0.2;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    #[serde(rename = "ns")]
    Nanoseconds,
    #[serde(rename = "/s")]
    PerSecond,
    #[serde(rename = "bytes")]
    Bytes,
}

impl Unit {
    /// A figure as people read it.
    pub fn show(self, figure: f64) -> String {
        let steps: &[(f64, &str)] = match self {
            Unit::Nanoseconds => &[(1e9, " s"), (1e6, " ms"), (1e3, " µs"), (1.0, " ns")],
            Unit::PerSecond => &[(1e6, " M/s"), (1e3, " k/s"), (1.0, " /s")],
            Unit::Bytes => &[(1_048_576.0, " MiB"), (1024.0, " KiB"), (1.0, " B")],
        };
        let (size, name) = steps.iter().find(|(size, _)| figure >= *size).unwrap_or(&steps[steps.len() - 1]);
        let scaled = figure / size;
        match scaled {
            _ if scaled >= 100.0 => format!("{scaled:.0}{name}"),
            _ if scaled >= 10.0 => format!("{scaled:.1}{name}"),
            _ => format!("{scaled:.2}{name}"),
        }
    }
}

/// Something that a row is to reach.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// At most so many times the floor.
    RatioAtMost(f64),
    /// At least so many times the floor.
    RatioAtLeast(f64),
    /// The same per unit at ten times the number: at most so many times the figure of the smaller number.
    Flat(f64),
    AtMost(f64),
    AtLeast(f64),
    P50AtMost(f64),
    P99AtMost(f64),
}

impl Goal {
    fn reached(self, row: &Row) -> bool {
        let (ratio, p50, p99) = (row.ratio, row.p50, row.p99);
        match self {
            Goal::RatioAtMost(most) | Goal::Flat(most) => ratio.is_some_and(|ratio| ratio <= most),
            Goal::RatioAtLeast(least) => ratio.is_some_and(|ratio| ratio >= least),
            Goal::AtMost(most) => row.ours <= most,
            Goal::AtLeast(least) => row.ours >= least,
            Goal::P50AtMost(most) => p50.is_some_and(|p50| p50 <= most),
            Goal::P99AtMost(most) => p99.is_some_and(|p99| p99 <= most),
        }
    }

    fn text(self, unit: Unit) -> String {
        match self {
            Goal::RatioAtMost(most) => format!("<= {most} x floor"),
            Goal::RatioAtLeast(least) => format!(">= {least} x floor"),
            Goal::Flat(most) => format!("flat (<= {most} x)"),
            Goal::AtMost(most) => format!("<= {}", unit.show(most)),
            Goal::AtLeast(least) => format!(">= {}", unit.show(least)),
            Goal::P50AtMost(most) => format!("p50 <= {}", unit.show(most)),
            Goal::P99AtMost(most) => format!("p99 <= {}", unit.show(most)),
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub id: String,
    pub title: String,
    pub unit: Unit,
    pub ours: f64,
    pub floor: Option<f64>,
    /// Ours by the floor: the median of the rounds' ratios.
    pub ratio: Option<f64>,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    /// `None` where a row is there for information.
    pub goal: Option<String>,
    pub reached: Option<bool>,
    /// What else was measured, in the row's unit unless its name ends with [`COUNT`].
    pub more: BTreeMap<String, f64>,
    /// Cores that other processes kept busy meanwhile.
    #[serde(default)]
    pub neighbours: f64,
}

impl Row {
    /// What ours took: the median of its rounds.
    pub fn new(id: &str, title: &str, unit: Unit, ours: &Series) -> Self {
        Row::of(id, title, unit, ours.figure())
    }

    /// A row whose figure was measured once.
    pub fn of(id: &str, title: &str, unit: Unit, ours: f64) -> Self {
        Row {
            id: id.to_owned(),
            title: title.to_owned(),
            unit,
            ours,
            floor: None,
            ratio: None,
            p50: None,
            p99: None,
            goal: None,
            reached: None,
            more: BTreeMap::new(),
            neighbours: 0.0,
        }
    }

    /// The floor, and the ratio to it: the median of the rounds' ratios, since both sides of one round had the same
    /// machine.
    pub fn against(mut self, ours: &Series, floor: &Series) -> Self {
        let ratios = ours.figures().zip(floor.figures()).map(|(ours, floor)| ours / floor);
        self.ratio = Some(crate::harness::quantile(ratios.collect(), 0.5));
        self.floor = Some(floor.figure());
        self
    }

    /// A floor that was measured once.
    pub fn against_one(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self.ratio = Some(self.ours / floor);
        self
    }

    /// The middle and the tail of the single operations.
    pub fn percentiles(mut self, series: &Series) -> Self {
        self.p50 = Some(series.sample(0.5));
        self.p99 = Some(series.sample(0.99));
        self
    }

    /// Something else that was measured.
    pub fn with(mut self, name: &str, figure: f64) -> Self {
        self.more.insert(name.to_owned(), figure);
        self
    }

    /// What the row is to reach, all of it. Comes last: it judges what is there.
    pub fn goals(mut self, goals: &[Goal]) -> Self {
        let texts: Vec<_> = goals.iter().map(|goal| goal.text(self.unit)).collect();
        self.goal = Some(texts.join(", "));
        self.reached = Some(goals.iter().all(|goal| goal.reached(&self)));
        self
    }

    /// Some of `more` are counts.
    fn show_more(&self, name: &str, figure: f64) -> String {
        if name.ends_with(COUNT) { format!("{figure:.2}") } else { self.unit.show(figure) }
    }

    /// What the other processes of the machine did meanwhile.
    pub fn beside(mut self, cores: f64) -> Self {
        self.neighbours = cores;
        self
    }

    /// A condition that is no figure.
    pub fn and(mut self, what: &str, holds: bool) -> Self {
        self.goal = Some(self.goal.map_or_else(|| what.to_owned(), |goal| format!("{goal}, {what}")));
        self.reached = Some(self.reached.unwrap_or(true) && holds);
        self
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |figure: Option<f64>| figure.map_or_else(String::new, |figure| self.unit.show(figure));
        let ratio = self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let verdict = match self.reached {
            Some(true) => "reached",
            Some(false) => "MISSED",
            None => "",
        };
        let goal = self.goal.as_deref().unwrap_or_default();
        let figures = [self.unit.show(self.ours), show(self.floor), ratio, show(self.p50), show(self.p99)];
        let [ours, floor, ratio, p50, p99] = figures;
        let line = format!("{:<20} {ours:>10} {floor:>10} {ratio:>6} {p50:>9} {p99:>9}  {verdict:<7}  {goal}", self.id);
        writeln!(f, "{}", line.trim_end())?;
        write!(f, "    {}", self.title)?;
        if self.neighbours > DISTURBED {
            write!(f, " [disturbed: others took {:.1} cores]", self.neighbours)?;
        }
        let more = self.more.iter().map(|(name, figure)| format!("{name} {}", self.show_more(name, *figure)));
        let more: Vec<_> = more.collect();
        if more.is_empty() { Ok(()) } else { write!(f, "\n    {}", more.join(", ")) }
    }
}
