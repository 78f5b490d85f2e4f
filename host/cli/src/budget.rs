//! The flags that say what all of a program may use together.

use std::time::Duration;

use clap::Args;
use rustyray_host::{Budget, BudgetLimits, TaskOptions};

use super::units;

#[derive(Args, Debug)]
#[command(next_help_heading = "Budget (for the program and all its tasks and actors together)")]
pub struct BudgetArgs {
    /// Fuel of all of them; what runs when it is gone ends up to a million units later [default: no limit].
    #[arg(long, value_name = "N", value_parser = units::fuel)]
    budget_fuel: Option<u64>,
    /// Memory of all that live at the same moment, such as 8GiB [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = units::memory_of_all)]
    budget_memory: Option<u64>,
    /// Time from the start on, after which all are ended [default: no limit].
    #[arg(long, value_name = "TIME", value_parser = units::time_limit)]
    budget_time: Option<Duration>,
    /// Submissions in all: the program itself, tasks, calls, actors and each restart of one; retries are none [default: no limit].
    #[arg(long, value_name = "N", value_parser = units::count)]
    budget_tasks: Option<u64>,
}

impl BudgetArgs {
    /// The options of whatever is submitted first.
    pub fn options(&self) -> TaskOptions {
        let limits = BudgetLimits {
            fuel: self.budget_fuel,
            memory_bytes: self.budget_memory,
            time: self.budget_time,
            tasks: self.budget_tasks,
        };
        match limits == BudgetLimits::default() {
            true => TaskOptions::new(),
            false => TaskOptions::new().budget(&Budget::new(limits)),
        }
    }
}
