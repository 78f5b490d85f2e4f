//! The limits of the compiler.

use std::time::Duration;

use clap::Args;
use rustyray_host::{CompilerProcess, HostBuilder};

use super::units;

/// What compiling a module may take. Each compiler is a process of its own.
#[derive(Args, Debug, Default)]
pub struct CompilerArgs {
    /// Memory for compiling a module; each of four small ones that are compiled at once has a quarter [default: 2GiB].
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    compile_memory: Option<u64>,
    /// Processor time for compiling a module, all cores together [default: 2m].
    #[arg(long, value_name = "TIME", value_parser = units::time_limit)]
    compile_time: Option<Duration>,
}

impl CompilerArgs {
    /// The host has its modules compiled so.
    pub fn add(&self, builder: HostBuilder) -> HostBuilder {
        let mut compiler = CompilerProcess::this_program();
        if let Some(bytes) = self.compile_memory {
            compiler = compiler.memory_bytes(bytes);
        }
        if let Some(time) = self.compile_time {
            compiler = compiler.time(time);
        }
        builder.compiler(compiler)
    }
}
