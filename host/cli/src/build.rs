//! `rustyray-host build [DIR]`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::build_args::BuildArgs;
use super::console::Console;
use super::failure::Failure;
use super::{results, toolchain};

/// Build a guest's crate to a module, and print the module's path.
///
/// Cargo's own output is shown as it is. With --json, standard output has cargo's messages, a line of JSON each, and
/// then {"reason":"module","path":"…"}.
#[derive(Args)]
pub struct Build {
    /// The crate's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    #[command(flatten)]
    args: BuildArgs,
    /// Cargo's messages and the module's path as lines of JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    reason: &'a str,
    path: &'a std::path::Path,
}

impl Build {
    /// Builds it.
    ///
    /// # Errors
    /// It does not build.
    pub fn execute(&self, console: &Console) -> Result<u8, Failure> {
        if !self.json {
            let built = toolchain::build(&self.folder, &self.args, console)?;
            results::write_out(format!("{}\n", built.module.display()).as_bytes())?;
            return Ok(0);
        }
        let built = toolchain::build_as_json(&self.folder, &self.args, console)?;
        results::write_json_line(&Line { reason: "module", path: &built.module })?;
        Ok(0)
    }
}
