//! What the command line says, and which command it means. A file per command; the others are what they share.

mod amounts;
mod arguments;
mod cache;
mod call;
mod console;
mod exit;
mod failure;
mod grants;
mod host_args;
mod inspect;
mod paint;
mod progress;
mod receipts;
mod refusals;
mod results;
mod run;
mod session;
mod signals;
mod suggestion;

use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};

use console::Console;
use failure::Failure;

/// Runs Ray-style tasks and actors as sandboxed WebAssembly components.
#[derive(Parser)]
#[command(version, after_help = exit::help(), max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a program: a module's `main`, or any component of the world wasi:cli/command.
    Run(run::Run),
    /// Call one task of a module, with arguments and result as JSON.
    Call(call::Call),
    /// Show what a module offers: tasks, actors, signatures, limits, imports.
    Inspect(inspect::Inspect),
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| explain(error).exit());
    let console = match &cli.command {
        Command::Run(run) => run.host.console(),
        Command::Call(call) => call.host.console(),
        Command::Inspect(_) => Console::new(false, 0),
    };
    let code = block_on(execute(cli.command, &console)).unwrap_or_else(|failure| {
        failure.report(&console);
        failure.exit.code()
    });
    ExitCode::from(code)
}

/// Says where a program's own arguments go to whoever forgot the `--`.
fn explain(mut error: clap::Error) -> clap::Error {
    let unexpected = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let forgotten = error.kind() == ErrorKind::UnknownArgument && unexpected.is_some_and(|arg| !arg.starts_with('-'));
    if forgotten {
        let tip = StyledStr::from("the program's own arguments go after `--`");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

async fn execute(command: Command, console: &Console) -> Result<u8, Failure> {
    match command {
        Command::Run(run) => run.execute(console).await,
        Command::Call(call) => call.execute(console).await,
        Command::Inspect(inspect) => inspect.execute(console).await,
    }
}

/// One thread for signals and progress. The host brings its own for the guests.
fn block_on(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::host(format!("cannot start: {error}")))?;
    runtime.block_on(command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_flags_agree_with_each_other() {
        Cli::command().debug_assert();
    }
}
