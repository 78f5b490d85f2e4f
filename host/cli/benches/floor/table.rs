//! The table on standard output, the same as JSON, and the change against an older one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::machine;
use crate::row::{Row, Unit};

/// All that a run found.
#[derive(Serialize, Deserialize)]
pub struct Table {
    version: String,
    machine: BTreeMap<String, String>,
    quick: bool,
    rows: Vec<Row>,
}

impl Table {
    /// Says where the figures come from, and what the columns are.
    pub fn begin(quick: bool) -> Self {
        let machine = machine::facts();
        machine.iter().for_each(|(name, value)| println!("{name:<8} {value}"));
        let columns = ["row", "ours", "floor", "ratio", "p50", "p99", "", "goal"];
        let [row, ours, floor, ratio, p50, p99, verdict, goal] = columns;
        println!("\n{row:<20} {ours:>10} {floor:>10} {ratio:>6} {p50:>9} {p99:>9}  {verdict:<7}  {goal}");
        Table { version: env!("CARGO_PKG_VERSION").to_owned(), machine, quick, rows: Vec::new() }
    }

    /// Prints a row as soon as it is there.
    pub fn add(&mut self, row: Row) {
        println!("{row}");
        self.rows.push(row);
    }

    /// How many of the goals were reached.
    pub fn end(&self) {
        let judged: Vec<_> = self.rows.iter().filter_map(|row| row.reached).collect();
        println!("\n{} of {} goals reached", judged.iter().filter(|reached| **reached).count(), judged.len());
    }

    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")?;
        println!("kept in {}", path.display());
        Ok(())
    }

    pub fn load(path: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(path)?)?)
    }

    /// Prints how the rows that both have changed since `before`.
    pub fn compare(&self, before: &Table) {
        println!("\n{:<20} {:>10} {:>10} {:>8}   ratio before, now", "row", "before", "now", "change");
        for row in &self.rows {
            if let Some(old) = before.rows.iter().find(|old| old.id == row.id) {
                println!("{}", change(old, row));
            }
        }
    }
}

fn change(old: &Row, new: &Row) -> String {
    let percent = (new.ours / old.ours - 1.0) * 100.0;
    let ratios = match (old.ratio, new.ratio) {
        (Some(old), Some(new)) => format!("{old:.2}, {new:.2}"),
        _ => String::new(),
    };
    let show = |figure| Unit::show(new.unit, figure);
    format!("{:<20} {:>10} {:>10} {percent:>+7.1}%   {ratios}", new.id, show(old.ours), show(new.ours))
}

/// Paths are relative to the workspace, where `make` runs: cargo starts a benchmark in its package's folder.
pub fn in_workspace(path: &Path) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}
