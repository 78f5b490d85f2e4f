//! `rustyray-host compile MODULE|DIR`.

use std::path::Path;
use std::time::Instant;

use clap::Args;
use rustyray_host::Host;
use serde::Serialize;

use super::compiler_args::CompilerArgs;
use super::console::Console;
use super::failure::Failure;
use super::guest::GuestArgs;
use super::session::{listen, no_host};
use super::{cache, results};

/// Compile a module ahead of time, so that its first run starts at once.
///
/// The native code goes to the user's own cache, where run, call and inspect find it by the module's contents. There is
/// no file to hand on: native code runs with all the rights of the host, so that only what this host compiled itself is
/// ever loaded.
#[derive(Args)]
pub struct Compile {
    #[command(flatten)]
    guest: GuestArgs,
    #[command(flatten)]
    compiler: CompilerArgs,
    /// As one JSON object: {"module","cache","file","seconds"}.
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    module: &'a str,
    cache: &'a Path,
    file: &'a Path,
    seconds: f64,
}

impl Compile {
    /// Compiles it.
    ///
    /// # Errors
    /// It is no module, or there is no cache to keep it in.
    pub async fn execute(&self, console: &Console) -> Result<u8, Failure> {
        let path = self.guest.module(console)?;
        let cache = cache::of_this_user().map_err(|reason| Failure::host(format!("there is no cache: {reason}")))?;
        let mut signals = listen()?;
        let builder = self.compiler.add(Host::builder().instances(1).threads(1).cache_dir(cache.folder()));
        let host = builder.build();
        let host = host.map_err(|error| no_host(&error))?;
        let began = Instant::now();
        let loaded = tokio::select! {
            loaded = host.load_file(&path) => loaded,
            never = signals.end_at_once(console) => match never {},
        };
        let module = loaded.map_err(|error| Failure::of_module(&path, &error))?;
        let file = module.compiled_file().map_err(Failure::host)?;
        let seconds = began.elapsed().as_secs_f64();
        if self.json {
            results::write_json_line(&Report { module: module.name(), cache: cache.folder(), file: &file, seconds })?;
        } else {
            let text = format!("{} is compiled ({seconds:.1} s), in {}\n", module.name(), cache.folder().display());
            results::write_out(text.as_bytes())?;
        }
        Ok(0)
    }
}
