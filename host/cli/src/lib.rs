//! The command line `rustyray-host` as a library: which command its arguments mean, and the words of the config file, of grants and of
//! amounts, which a server reads as well. A file per command; the others are what they share.

pub mod config;
pub mod grant_syntax;
pub mod json_outcome;
pub mod units;

mod arguments;
mod bench;
mod bench_report;
mod budget;
mod build;
mod build_args;
mod cache;
mod call;
mod canary;
mod checks;
mod colour;
mod compile;
mod compiler_args;
mod console;
mod doctor;
mod escape;
mod exit;
mod failure;
mod grants;
mod guest;
mod hints;
mod histogram;
mod host_args;
mod inspect;
mod linked_modules;
mod manual;
mod may_block;
mod new;
mod open_files;
mod output_file;
mod progress;
mod receipts;
mod refusals;
mod results;
mod run;
mod screen;
mod scribe;
mod session;
mod signals;
mod streams;
mod stubs;
mod suggestion;
mod templates;
mod timeline;
mod toolchain;
mod trace_file;
mod watch;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use build::Build;
use compile::Compile;
use console::Console;
use doctor::Doctor;
use failure::Failure;
use host_args::HostArgs;
use inspect::Inspect;
use rustyray_host::CompilerProcess;

/// Runs Ray-style tasks and actors as sandboxed WebAssembly components.
#[derive(Parser)]
#[command(name = "rustyray-host", version, after_help = exit::help(), max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Colours; `auto` for a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

#[derive(Subcommand)]
enum Command {
    /// Make a guest's crate.
    New(new::New),
    /// Build a guest's crate to a module.
    Build(Build),
    /// Run a program: a module's `main`, or any component of the world wasi:cli/command.
    Run(run::Run),
    /// Call one task of a module, with arguments and result as JSON.
    Call(call::Call),
    /// Show what a module offers: tasks, actors, signatures, limits, imports.
    Inspect(Inspect),
    /// Write a Rust file that calls another module's tasks and actors.
    Stubs(stubs::StubsOf),
    /// Compile a module ahead of time.
    Compile(Compile),
    /// Show or empty the cache of compiled modules.
    Cache(cache::CacheOf),
    /// Measure a task: latency, throughput, fuel, memory.
    Bench(bench::Bench),
    /// Say what is missing on this machine, and how to mend it.
    Doctor(Doctor),
    /// Write a shell's completions.
    Completions(manual::Completions),
    /// Write the manual.
    Man(manual::Man),
}

impl Command {
    /// Where to tell the user things.
    fn console(&self) -> Console {
        match self {
            Command::Run(run) => run.host.console(),
            Command::Call(call) => call.host.console(),
            Command::Bench(bench) => bench.host.console(),
            Command::Inspect(Inspect { json, .. })
            | Command::Build(Build { json, .. })
            | Command::Compile(Compile { json, .. })
            | Command::Cache(cache::CacheOf { json, .. })
            | Command::Doctor(Doctor { json, .. }) => Console::new(false, 0, *json),
            Command::New(_) | Command::Stubs(_) | Command::Completions(_) | Command::Man(_) => {
                Console::new(false, 0, false)
            }
        }
    }

    /// The commands that have a host to configure: their names, guests and flags.
    fn hosted(&self) -> Option<(&'static str, &Path, &HostArgs)> {
        match self {
            Command::Run(run) => Some(("run", run.guest.path(), &run.host)),
            Command::Call(call) => Some(("call", call.guest.path(), &call.host)),
            Command::Bench(bench) => Some(("bench", bench.guest.path(), &bench.host)),
            _ => None,
        }
    }
}

/// Runs the command of this process.
pub fn main() -> ExitCode {
    // What compiles a module does not come back.
    let _ = CompilerProcess::this_program();
    open_files::raise_limit();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let color = colour::choose(&arguments);
    let first = parsed(&arguments, color).unwrap_or_else(|error| explain(error).exit());
    let console = first.command.console();
    let code = configured(&console).and_then(|cli| block_on(execute(cli.command, &console)));
    let code = code.unwrap_or_else(|failure| {
        failure.report(&console);
        failure.exit.code()
    });
    console.finish();
    ExitCode::from(code)
}

fn parsed(arguments: &[OsString], color: ColorChoice) -> Result<Cli, clap::Error> {
    let command = Cli::command().color(color);
    Cli::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

/// The command line of this process, after what the config file says: its flags come first, so that the user's win.
///
/// # Errors
/// Something is wrong in the config file.
fn configured(console: &Console) -> Result<Cli, Failure> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let again = |error: clap::Error| {
        console.finish();
        explain(error).exit()
    };
    let cli = parsed(&arguments, colour::choice()).unwrap_or_else(again);
    let Some((name, guest, host)) = cli.command.hosted() else {
        return Ok(cli);
    };
    host.check_each_once()?;
    let Some(config) = host.config.load(guest)? else {
        return Ok(cli);
    };
    let taken = host.taken();
    config.announce(&taken, console);
    let place = arguments.iter().skip(1).position(|argument| argument == name).map_or(arguments.len(), |at| at + 2);
    arguments.splice(place..place, config.flags(&taken));
    let command = Cli::command().color(colour::choice()).args_override_self(true);
    let matches = command.try_get_matches_from(arguments).and_then(|matches| Cli::from_arg_matches(&matches));
    Ok(matches.unwrap_or_else(again))
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
        Command::New(new) => new.execute(console),
        Command::Build(build) => build.execute(console),
        Command::Run(run) if run.watch => {
            let again = || {
                configured(console).map(|cli| match cli.command {
                    Command::Run(run) => Some(run),
                    _ => None,
                })
            };
            watch::run(run, again, console).await
        }
        Command::Run(run) => run.execute(console).await,
        Command::Call(call) => call.execute(console).await,
        Command::Inspect(inspect) => inspect.execute(console).await,
        Command::Stubs(stubs) => stubs.execute(console).await,
        Command::Compile(compile) => compile.execute(console).await,
        Command::Cache(cache) => cache.execute(),
        Command::Bench(bench) => bench.execute(console).await,
        Command::Doctor(doctor) => doctor.execute(console).await,
        Command::Completions(completions) => completions.execute(Cli::command()),
        Command::Man(man) => man.execute(Cli::command()),
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

    #[test]
    fn the_flags_agree_with_each_other() {
        Cli::command().debug_assert();
    }
}
