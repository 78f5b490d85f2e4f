//! `rustyray-host doctor`: what is missing on this machine, and how to mend it.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::checks::{self, Check, State};
use super::colour::Colour;
use super::config::ConfigArgs;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::{results, units};

/// Look for what is missing on this machine, and for the commands that mend it.
///
/// With --fix those that need no root are run. The exit code is 0 unless something is missing; what is only slower is a
/// warning. With --json each check is a line: {"check","state","found","mend","root"}, of which state is ok, warning or
/// missing.
#[derive(Args)]
pub struct Doctor {
    /// A crate's folder, whose rustyray.toml says how many instances there are to be.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Run the commands that need no root.
    #[arg(long)]
    fix: bool,
    /// A line of JSON for each check.
    #[arg(long)]
    pub json: bool,
    /// Instances that a host is to have [default: those of rustyray.toml, or 4096].
    #[arg(long, value_name = "N", value_parser = units::instances)]
    instances: Option<u32>,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Doctor {
    /// Looks, and mends.
    ///
    /// # Errors
    /// Something is missing.
    pub async fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let config = self.config.load(&self.folder)?;
        let configured = config.and_then(|config| units::instances(config.value("instances")?).ok());
        let instances = self.instances.or(configured).unwrap_or(rustyray_host::limits::INSTANCES_MAX);
        let mut found = checks::all(instances);
        let fixes = found.iter().filter_map(|check| check.fix.as_deref()).filter(|_| self.fix);
        if fixes.filter(|fix| run(fix, console)).count() > 0 {
            found = checks::all(instances);
        }
        self.show(&found)?;
        match found.iter().any(|check| check.state == State::Missing) {
            true => Err(Failure::silent(Exit::Host)),
            false => Ok(0),
        }
    }

    fn show(&self, found: &[Check]) -> Result<(), Failure> {
        if self.json {
            return found.iter().try_for_each(results::write_json_line);
        }
        let colour = Colour::of(&std::io::stdout());
        let lines: String = found.iter().map(|check| line(check, colour)).collect();
        results::write_out(lines.as_bytes())
    }
}

/// Runs a command that mends something; what it says goes where the user sees it. False if it was not even started.
fn run(fix: &[String], console: &Console) -> bool {
    console.line(&format!("{} {}", console.colour().bold("running:"), fix.join(" ")));
    let [program, arguments @ ..] = fix else {
        return false;
    };
    // It writes to standard error itself.
    console.catch_up();
    // Standard output is for the checks.
    let status = Command::new(program).args(arguments).stdout(std::io::stderr()).status();
    if let Err(error) = &status {
        console.line(&format!("{} cannot run {program}: {error}", console.colour().red("error:")));
    }
    status.is_ok()
}

fn line(check: &Check, colour: Colour) -> String {
    let state = match check.state {
        State::Ok => colour.green("ok     "),
        State::Warning => colour.bold("warning"),
        State::Missing => colour.red("missing"),
    };
    let root = if check.root { " (as root)" } else { "" };
    let mend =
        check.mend.as_ref().map(|mend| format!("        mend: {}{root}\n", colour.bold(mend))).unwrap_or_default();
    format!("{state} {:<14} {}\n{mend}", check.check, check.found)
}
