//! `rustyray-host run MODULE [-- ARGS…]`.

use std::path::PathBuf;

use clap::Args;
use rustyray_host::{ErrorKind, Module, TaskError, TaskOptions};

use super::console::Console;
use super::exit::{self, Exit};
use super::failure::Failure;
use super::host_args::HostArgs;
use super::session::{Ended, Session, exit_code};

/// Run a program.
///
/// What `main` prints goes to standard output and standard error; what other tasks print and log goes to standard error,
/// under their names. The program's own exit code is passed on; WASI 0.2 knows 0 and 1, whatever else `exit` is given.
#[derive(Args)]
#[command(after_help = exit::help(), after_long_help = exit::help())]
pub struct Run {
    /// The module: a component that exports wasi:cli/run.
    module: PathBuf,
    /// The program's arguments, after `--`. Its own name is the file's.
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
    #[command(flatten)]
    pub host: HostArgs,
}

impl Run {
    /// Runs it, and gives its exit code.
    ///
    /// # Errors
    /// Why it could not run to its end.
    pub async fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let mut session = Session::open(&self.host, console)?;
        let result = self.drive(&mut session).await;
        session.close(result).await
    }

    async fn drive(&self, session: &mut Session) -> Result<u8, Failure> {
        let module = session.load(&self.module).await?;
        if !module.info().has_main {
            return Err(self.no_main(&module));
        }
        let main = module.main(self.command_line(), true, TaskOptions::new());
        let ended = match session.wait(&main, true).await {
            Ended::Outcome(outcome) => Ended::Outcome(outcome.map_err(|error| said_once(&error).into())),
            signal => signal,
        };
        exit_code(&*ended.value(&self.host)?)
    }

    /// The file's name, and what follows `--`.
    fn command_line(&self) -> Vec<String> {
        let name = self.module.file_name().unwrap_or(self.module.as_os_str());
        std::iter::once(name.to_string_lossy().into_owned()).chain(self.arguments.iter().cloned()).collect()
    }

    fn no_main(&self, module: &Module) -> Failure {
        let path = self.module.display();
        let failure = Failure::new(Exit::NoModule, format!("'{path}' has no main, so it is no program"));
        match module.manifest().and_then(|manifest| manifest.tasks.first()) {
            Some(task) => failure.hint(format!("call its tasks, such as `rustyray-host call {path} {}`", task.name)),
            None => failure.hint(format!("`rustyray-host inspect {path}` shows what it has")),
        }
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
