//! What to measure, and where to keep it.

use std::path::PathBuf;

use clap::Parser;

/// Measures the host beside bare wasmtime, tokio and memcpy.
#[derive(Parser)]
#[command(name = "make bench", version)]
pub struct Arguments {
    /// Only rows whose name contains one of these; several are separated by commas.
    #[arg(long, value_name = "TEXT", value_delimiter = ',')]
    pub rows: Vec<String>,

    /// Fewer and shorter rounds, smaller numbers: for a first look.
    #[arg(long)]
    pub quick: bool,

    /// How often the sides take turns.
    #[arg(long, value_name = "N")]
    pub rounds: Option<usize>,

    /// Where to keep the figures; a relative path starts at the workspace.
    #[arg(long, value_name = "FILE", default_value = "target/bench/rustyray.json")]
    pub json: PathBuf,

    /// Figures of an earlier run, to show the change against.
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,

    /// What this program asks of itself, in a process of its own.
    #[arg(long, hide = true)]
    pub probe: Option<String>,

    /// `cargo bench` says so.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// Is a measurement of this name asked for? A row's id begins with it.
    pub fn wants(&self, name: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|text| name.contains(text.as_str()) || text.starts_with(name))
    }
}
