//! `rustyray-host run MODULE|DIR [-- ARGS…]`.

use std::path::Path;

use clap::Args;
use rustyray_host::{ErrorKind, Module, TaskError};

use super::console::Console;
use super::exit::{self, Exit};
use super::failure::Failure;
use super::guest::GuestArgs;
use super::host_args::HostArgs;
use super::session::{Ended, Session, exit_code};

/// Run a program: a module, or a crate, which is built first.
///
/// What `main` prints goes to standard output and standard error; what other tasks print and log goes to standard
/// error, under their names. The program's own exit code is passed on: what it gives to `exit-with-code` of WASI; `exit` of WASI, and with it
/// `std::process::exit` of a program in Rust, knows 0 and 1 only. Where it is one of the codes below, standard error says that it is the
/// program's.
#[derive(Args)]
#[command(after_help = exit::help(), after_long_help = exit::help())]
pub struct Run {
    #[command(flatten)]
    pub guest: GuestArgs,
    /// The program's arguments, after `--`. Its own name is the file's.
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
    /// Build and run it again whenever its sources change, until Ctrl-C.
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    pub host: HostArgs,
}

impl Run {
    /// Runs it, and gives its exit code.
    ///
    /// # Errors
    /// Why it could not run to its end.
    pub async fn execute(self, console: &Console) -> Result<u8, Failure> {
        let module = self.guest.module(console)?;
        self.once(&module, std::future::pending(), console).await
    }

    /// Runs this module, unless something else is over first, which ends it at once and is no failure.
    ///
    /// # Errors
    /// Why it could not run to its end.
    pub async fn once(&self, module: &Path, other: impl Future<Output = ()>, console: &Console) -> Result<u8, Failure> {
        let mut session = Session::open(&self.host, console)?;
        let result = tokio::select! {
            result = self.drive(module, &mut session) => result,
            () = other => Ok(0),
        };
        session.close(result).await
    }

    async fn drive(&self, path: &Path, session: &mut Session) -> Result<u8, Failure> {
        let module = session.load(path).await?;
        if !module.info().has_main {
            return Err(no_main(path, &module));
        }
        let main = module.main(self.command_line(path), true, self.host.budget.options());
        let ended = match session.wait(&main, true).await {
            Ended::Outcome(outcome) => Ended::Outcome(outcome.map_err(|error| said_once(&error).into())),
            signal => signal,
        };
        let code = exit_code(&*ended.value(&self.host)?)?;
        if Exit::is_ours(code) {
            session.say(&format!("the program itself ended with exit code {code}"));
        }
        Ok(code)
    }

    /// The file's name, and what follows `--`.
    fn command_line(&self, module: &Path) -> Vec<String> {
        let name = module.file_name().unwrap_or(module.as_os_str());
        std::iter::once(name.to_string_lossy().into_owned()).chain(self.arguments.iter().cloned()).collect()
    }
}

fn no_main(path: &Path, module: &Module) -> Failure {
    let path = path.display();
    let failure = Failure::new(Exit::NoModule, format!("'{path}' has no main, so it is no program"));
    match module.manifest().as_ref().and_then(|manifest| manifest.tasks.first()) {
        Some(task) => failure.hint(format!("call its tasks, such as `rustyray-host call {path} {}`", task.name)),
        None => failure.hint(format!("`rustyray-host inspect {path}` shows what it has")),
    }
}

/// A panic of `main` went straight to standard error, so the error does not say it again.
fn said_once(error: &TaskError) -> TaskError {
    let mut error = error.clone();
    if error.kind == ErrorKind::WorkerCrashed && error.message.starts_with("panicked at ") {
        error.message = "it panicked, as it says above".to_owned();
    }
    error
}
