//! `--with [NAME=]FILE`: the other modules that a program may call.

use clap::Args;
use rustyray_host::Capabilities;

use super::build_args::BuildArgs;
use super::console::Console;
use super::failure::Failure;
use super::grant_syntax::{LinkedModule, weight, with};
use super::toolchain;

/// The flag.
#[derive(Args, Debug)]
#[command(next_help_heading = "Other modules")]
pub struct LinkedModuleArgs {
    /// Another module, or the folder of a crate, whose tasks and actors the program may call as NAME:FUNCTION; the name is the
    /// file's where none is given.
    #[arg(long = "with", value_name = "[NAME=]MODULE|DIR", value_parser = with)]
    with: Vec<LinkedModule>,

    /// The weight of a module, from 1 to 100; 1 where nothing is said. Beside modules of weight 1, one of weight 3 gets three times their
    /// share of the CPUs and of what else modules share.
    #[arg(long = "weight", value_name = "MODULE=NUMBER", value_parser = weight)]
    weights: Vec<(String, u32)>,
}

impl LinkedModuleArgs {
    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        self.with.iter().map(|with| with.name.as_str()).collect()
    }

    /// These capabilities, and what calls the modules.
    ///
    /// # Errors
    /// Two have the same name.
    pub fn grant(&self, granted: Capabilities) -> Result<Capabilities, Failure> {
        for (index, with) in self.with.iter().enumerate() {
            if self.with[..index].iter().any(|other| other.name == with.name) {
                let text = format!("two modules of --with are both '{}'", with.name);
                return Err(Failure::usage(text).hint("name them apart with --with NAME=FILE"));
            }
        }
        Ok(self.with.iter().fold(granted, |granted, with| granted.module(with.name.as_str())))
    }

    /// The weights of modules, by their names. Of several for one module the last counts.
    pub fn weights(&self) -> Vec<(String, u32)> {
        self.weights.clone()
    }

    /// The modules, those of crates built now.
    ///
    /// # Errors
    /// One does not build.
    pub fn modules(&self, console: &Console) -> Result<Vec<LinkedModule>, Failure> {
        let module = |with: &LinkedModule| {
            let path = match with.path.is_dir() {
                true => toolchain::build(&with.path, &BuildArgs::default(), console)?.module,
                false => with.path.clone(),
            };
            Ok(LinkedModule { name: with.name.clone(), path })
        };
        self.with.iter().map(module).collect()
    }
}
