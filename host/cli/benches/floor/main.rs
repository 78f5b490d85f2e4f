//! Ours beside the floor: what the host costs over bare wasmtime, tokio and a copy of memory.
//!
//! `make bench` runs it and prints a table. Each row is measured in rounds in which the sides take turns, in one process,
//! because the machine changes its speed from one second to the next: the ratio holds where the times don't. That is why
//! the harness is our own. Both criterion and divan finish one benchmark before they start the next.
//!
//! What disturbs other rows (memory that stays, hosts of another size) runs in a process of its own: this program again,
//! with `--probe`. No time is a test: the exit code is 0 whether goals are reached or not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on has nothing better to do")]

mod actors;
mod arguments;
mod bare;
mod beside;
mod harness;
mod machine;
mod memory;
mod neighbours;
mod objects;
mod ours;
mod pressure;
mod probe;
mod row;
mod scaling;
mod start;
mod table;
mod tasks;
mod waiting;

use clap::Parser;

use crate::arguments::Arguments;
use crate::harness::Bench;
use crate::neighbours::Neighbours;
use crate::row::Row;
use crate::table::{Table, in_workspace};

/// Measures one row, or several that come from the same work; their ids begin with its name.
type Measurement = (&'static str, fn(&Bench) -> Vec<Row>);

const MEASUREMENTS: &[&[Measurement]] = &[
    tasks::MEASUREMENTS,
    actors::MEASUREMENTS,
    pressure::MEASUREMENTS,
    beside::MEASUREMENTS,
    objects::MEASUREMENTS,
    waiting::MEASUREMENTS,
    memory::MEASUREMENTS,
    scaling::MEASUREMENTS,
    start::MEASUREMENTS,
];

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let bench = Bench::new(arguments.quick, arguments.rounds);
    if let Some(name) = &arguments.probe {
        probe::answer(name, &bench);
        return Ok(());
    }
    // Read before anything is written: it may be the same file.
    let before = arguments.compare.as_deref().map(|path| Table::load(&in_workspace(path))).transpose()?;
    let mut table = Table::begin(arguments.quick);
    for (_, measure) in MEASUREMENTS.iter().copied().flatten().filter(|(name, _)| arguments.wants(name)) {
        let neighbours = Neighbours::watch();
        let rows = measure(&bench);
        let busy = neighbours.cores();
        rows.into_iter().for_each(|row| table.add(row.beside(busy)));
    }
    table.end();
    if let Some(before) = before {
        table.compare(&before);
    }
    table.save(&in_workspace(&arguments.json))
}
