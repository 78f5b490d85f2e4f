//! `rustyray-host completions SHELL` and `rustyray-host man`: what is known of the command line, for shells and for
//! people.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::Failure;
use super::results;

/// Write a shell's completions to standard output.
///
/// For bash, for example: rustyray-host completions bash > ~/.local/share/bash-completion/completions/rustyray-host
#[derive(Args)]
pub struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    /// Writes them.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn execute(&self, mut command: Command) -> Result<u8, Failure> {
        let name = command.get_name().to_owned();
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut command, name, &mut text);
        results::write_out(&text).map(|()| 0)
    }
}

/// Write the manual: a page of it to standard output, or all pages to a folder.
///
/// To read one: rustyray-host man run | man -l -
#[derive(Args)]
pub struct Man {
    /// The command whose page it is [default: the page about all].
    #[arg(value_name = "COMMAND")]
    of: Option<String>,
    /// Write all pages to files in this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "of")]
    dir: Option<PathBuf>,
}

impl Man {
    /// Writes it.
    ///
    /// # Errors
    /// There is no such command, or it cannot be written.
    pub fn execute(&self, mut command: Command) -> Result<u8, Failure> {
        // What `help` repeats of each command is no page of its own.
        command = command.disable_help_subcommand(true);
        command.build();
        if let Some(dir) = &self.dir {
            let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(command, dir));
            let refused = |error| Failure::host(format!("cannot write the manual to '{}': {error}", dir.display()));
            return written.map(|()| 0).map_err(refused);
        }
        let page = match &self.of {
            None => command,
            Some(name) => {
                let found = command.find_subcommand(name).cloned();
                found.ok_or_else(|| Failure::usage(format!("there is no command '{name}'")))?
            }
        };
        let mut text = Vec::new();
        let written = clap_mangen::Man::new(page).render(&mut text);
        written.map_err(|error| Failure::host(format!("cannot write the manual: {error}")))?;
        results::write_out(&text).map(|()| 0)
    }
}
