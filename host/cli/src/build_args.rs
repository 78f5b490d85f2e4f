//! How a guest's crate is built.

use clap::Args;

/// How a crate is built.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Build (of a crate's folder)")]
pub struct BuildArgs {
    /// With optimisations: it takes longer to build, and runs faster.
    #[arg(long)]
    pub release: bool,
    /// Which of the crate's programs [default: the only one].
    #[arg(long, value_name = "NAME")]
    pub bin: Option<String>,
}
