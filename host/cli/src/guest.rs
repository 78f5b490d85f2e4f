//! What a command is about: a module, or the folder of a crate that is built to one.

use std::path::{Path, PathBuf};

use clap::Args;

use super::build_args::BuildArgs;
use super::console::Console;
use super::failure::Failure;
use super::toolchain::{self, Built};

/// The guest of a command.
#[derive(Args, Debug)]
pub struct GuestArgs {
    /// The module, or the folder of a crate, which is built first.
    #[arg(value_name = "MODULE|DIR")]
    path: PathBuf,
    #[command(flatten)]
    pub build: BuildArgs,
}

impl GuestArgs {
    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Is it a crate's folder?
    pub fn is_crate(&self) -> bool {
        self.path.is_dir()
    }

    /// The module, built now where it is a crate's.
    ///
    /// # Errors
    /// It does not build.
    pub fn module(&self, console: &Console) -> Result<PathBuf, Failure> {
        match self.is_crate() {
            true => self.built(console).map(|built| built.module),
            false if self.build.release || self.build.bin.is_some() => {
                let text =
                    format!("--release and --bin are for a crate's folder, and '{}' is none", self.path.display());
                Err(Failure::usage(text))
            }
            false => Ok(self.path.clone()),
        }
    }

    fn built(&self, console: &Console) -> Result<Built, Failure> {
        toolchain::build(&self.path, &self.build, console)
    }
}
