//! The flags that run, call and bench share, and the host that they describe.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rustyray_host::{Capabilities, Host, HostBuilder, TaskLimits};

use super::budget::BudgetArgs;
use super::cache;
use super::compiler_args::CompilerArgs;
use super::config::{ConfigArgs, Taken};
use super::console::Console;
use super::failure::Failure;
use super::grants::Grants;
use super::linked_modules::LinkedModuleArgs;
use super::signals;
use super::units;

/// What a host is to be like.
#[derive(Args, Debug)]
pub struct HostArgs {
    #[command(flatten)]
    pub with: LinkedModuleArgs,
    #[command(flatten)]
    grants: Grants,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    pub budget: BudgetArgs,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    pub config: ConfigArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Each holds for every task, the program's `main` included: it is the limit of a task that declares none, and no
/// declaration goes beyond it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Limits (for main, for each task, and for whatever a task declares)")]
struct LimitArgs {
    /// Fuel, about one unit an instruction [default: no limit].
    #[arg(long, value_name = "N", value_parser = units::fuel)]
    fuel: Option<u64>,
    /// Wall-clock time, such as 5s or 1m30s [default: no limit].
    #[arg(long, value_name = "TIME", value_parser = units::time_limit)]
    timeout: Option<Duration>,
    /// Memory, such as 64MiB [default: 256MiB, and what a task declares up to 4GiB].
    #[arg(long, value_name = "SIZE", value_parser = units::memory)]
    memory: Option<u64>,
    /// Output and log lines, such as 1MiB [default: 16MiB for a task, no limit for main].
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    output: Option<u64>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Machine")]
struct MachineArgs {
    /// CPU slots: tasks that compute at once [default: the machine's cores].
    #[arg(long, value_name = "N", value_parser = units::cpus)]
    cpus: Option<f64>,
    /// An amount of a custom resource, for tasks that ask for it.
    #[arg(long = "resource", value_name = "NAME=N", value_parser = units::resource)]
    resources: Vec<(String, f64)>,
    /// Memory for all guests and objects together; tasks wait until theirs is free [default: no limit].
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    host_memory: Option<u64>,
    /// What the object store may hold, tasks that wait included [default: 2GiB, at most three tenths of --host-memory].
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    object_store: Option<u64>,
    /// A folder for objects that have no room in the store [default: none, a full store refuses].
    #[arg(long, value_name = "DIR")]
    spill: Option<PathBuf>,
    /// What may be written there [default: 32GiB].
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "spill")]
    spill_limit: Option<u64>,
    /// Tasks and actors that live at once [default: 4096].
    #[arg(long, value_name = "N", value_parser = units::instances)]
    instances: Option<u32>,
    /// Time to finish after SIGINT or SIGTERM; the rest is ended.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = units::time)]
    grace: Duration,
    /// Native code of all modules together, which is beside --host-memory [default: 2GiB].
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    code_memory: Option<u64>,
    /// Compile the module anew, and keep nothing.
    #[arg(long)]
    no_cache: bool,
    #[command(flatten)]
    compiler: CompilerArgs,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Journal")]
struct JournalArgs {
    /// Keep the results of pure tasks and the checkpoints of named actors in this folder, and go on from there when the
    /// same command is run again.
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
    /// What the journal may take on disk; beyond it the oldest results are dropped [default: 1GiB].
    #[arg(long, value_name = "SIZE", value_parser = units::size, requires = "journal")]
    journal_limit: Option<u64>,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Write the receipt of each finished task to this file, as a line of JSON; a file that exists is replaced.
    #[arg(long, value_name = "FILE")]
    pub receipts: Option<PathBuf>,
    /// Write what ran when to this file, for Perfetto or chrome://tracing; a file that exists is replaced.
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<PathBuf>,
    /// For scripts: results, and how it ended, are lines of JSON.
    #[arg(long)]
    pub json: bool,
    /// No progress, and only warnings and errors of the log.
    #[arg(short, long)]
    quiet: bool,
    /// More: what the host does, and the log from debug on (-vv: from trace on).
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
}

impl HostArgs {
    /// Where to tell the user things.
    pub fn console(&self) -> Console {
        Console::new(self.output.quiet, self.output.verbose, self.output.json)
    }

    /// What the flags say, which the config file cannot.
    pub fn taken(&self) -> Taken<'_> {
        Taken { folders: self.grants.folder_names(), modules: self.with.names() }
    }

    /// Time to finish when a signal comes.
    pub fn grace(&self) -> Duration {
        self.machine.grace
    }

    /// The limits of a task that declares none.
    pub fn default_limits(&self) -> TaskLimits {
        self.limits.over(TaskLimits::default())
    }

    /// Is each name that the user gives an amount given one only?
    ///
    /// # Errors
    /// The first flag with a name that is there twice.
    pub fn check_each_once(&self) -> Result<(), Failure> {
        let weights = self.with.weights();
        let (resources, weights) =
            (self.machine.resources.iter().map(|(name, _)| name), weights.iter().map(|(name, _)| name));
        let flags = [("--resource", twice(resources)), ("--weight", twice(weights))];
        match flags.into_iter().find_map(|(flag, name)| Some((flag, name?))) {
            Some((flag, name)) => Err(Failure::usage(format!("{flag} names '{name}' twice: once is enough"))),
            None => Ok(()),
        }
    }

    /// What the flags grant.
    ///
    /// # Errors
    /// A folder that cannot be opened, or what contradicts itself.
    pub fn capabilities(&self) -> Result<Capabilities, Failure> {
        self.with.grant(self.grants.capabilities()?)
    }

    /// The host, with all but its sinks.
    ///
    /// # Errors
    /// What the machine does not allow.
    pub fn builder(&self, console: &Console, held: Capabilities) -> Result<HostBuilder, Failure> {
        let machine = &self.machine;
        for text in self.grants.contradictions() {
            console.line(&format!("{} {text}", console.colour().bold("warning:")));
        }
        let mut builder = Host::builder()
            // Its modules are one program.
            .guest_priority(i32::MAX)
            .default_limits(self.default_limits())
            .ceiling(self.limits.over(TaskLimits::ceiling()))
            .capabilities(held);
        if let Some(cpus) = machine.cpus {
            builder = builder.cpus(cpus);
        }
        // Of one that the config file names as well the flag counts, which is the last.
        let resources: BTreeMap<_, _> = machine.resources.iter().map(|(name, amount)| (name, *amount)).collect();
        for (name, amount) in resources {
            builder = builder.resource(name, amount);
        }
        if let Some(bytes) = machine.object_store {
            builder = builder.object_store_bytes(bytes);
        }
        if let Some(bytes) = machine.host_memory {
            builder = builder.memory_bytes(bytes);
        }
        if let Some(bytes) = machine.code_memory {
            builder = builder.code_bytes(bytes);
        }
        if let Some(dir) = &machine.spill {
            signals::remove_at_the_end(dir);
            builder = builder.spill(dir);
        }
        if let Some(bytes) = machine.spill_limit {
            builder = builder.spill_bytes(bytes);
        }
        if let Some(count) = machine.instances {
            builder = builder.instances(count);
        }
        if let Some(dir) = &self.journal.journal {
            builder = builder.journal(dir);
        }
        if let Some(bytes) = self.journal.journal_limit {
            builder = builder.journal_bytes(bytes);
        }
        Ok(cache::add(machine.compiler.add(builder), machine.no_cache, console))
    }
}

impl LimitArgs {
    fn over(&self, limits: TaskLimits) -> TaskLimits {
        TaskLimits {
            timeout: self.timeout.or(limits.timeout),
            fuel: self.fuel.or(limits.fuel),
            memory_bytes: self.memory.unwrap_or(limits.memory_bytes),
            output_bytes: self.output.unwrap_or(limits.output_bytes),
            ..limits
        }
    }
}

/// A name that is there twice.
fn twice<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}
