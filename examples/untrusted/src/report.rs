//! How it all ended.

use std::fmt;

use rustyray::prelude::*;

/// A line for each task, and the failures of the sandbox.
#[derive(Default)]
pub struct Report {
    rows: Vec<[String; 3]>,
    failures: Vec<String>,
}

impl Report {
    /// A bad task. A value is what it got away with.
    pub fn bad(&mut self, what: &str, outcome: Result<String>) {
        let (ended, detail) = match outcome {
            Ok(loot) => {
                self.failures.push(format!("the task that {what} got away with {loot}"));
                ("a value", loot)
            }
            Err(error) => (error.kind().name(), detail(&error)),
        };
        self.rows.push([what.to_owned(), ended.to_owned(), detail]);
    }

    /// A good task, with the result that it should have.
    pub fn good(&mut self, what: &str, right: u32, outcome: Result<u32>) {
        let (ended, detail) = match outcome {
            Ok(value) if value == right => ("a value", value.to_string()),
            Ok(value) => ("a wrong value", format!("{value}, not {right}")),
            Err(error) => (error.kind().name(), detail(&error)),
        };
        if ended != "a value" {
            self.failures.push(format!("the good task '{what}' ended with {ended}: {detail}"));
        }
        self.rows.push([what.to_owned(), ended.to_owned(), detail]);
    }

    /// An error if anything got through, or anything good was hurt.
    pub fn verdict(&self) -> Result<()> {
        rustyray::ensure!(self.failures.is_empty(), "{}", self.failures.join("; "));
        println!("every bad task was ended, and every good one finished");
        Ok(())
    }
}

/// The limit that ended it, or what the error says.
fn detail(error: &Error) -> String {
    match error.limit() {
        Some(limit) => {
            let (name, unit, size) = match limit.name.as_str() {
                "timeout-ns" => ("timeout", " ms", 1_000_000),
                "memory-bytes" => ("memory", " KiB", 1 << 10),
                "output-bytes" => ("output", " bytes", 1),
                other => (other, "", 1),
            };
            format!("{name} {}{unit}, used {}{unit}", limit.limit / size, limit.used / size)
        }
        None => error.to_string(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = |column: usize| self.rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let (first, second) = (widest(0), widest(1));
        self.rows.iter().try_for_each(|[what, ended, detail]| writeln!(f, "{what:first$}  {ended:second$}  {detail}"))
    }
}
