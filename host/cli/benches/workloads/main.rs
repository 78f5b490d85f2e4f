//! Our half of the comparison with Ray (`make bench-ray`): the workloads of `host/cli/benches/ray/workloads.py`, under the
//! same ids. Writes `target/bench/ours.json`.

#![allow(clippy::unwrap_used, reason = "a bench that fails says so by a panic")]

mod ending;
mod process;
mod rounds;
mod steady;

use std::path::PathBuf;

use futures::executor::block_on;
use rustyray_host::{Capabilities, Host, HostBuilder, Module};

use crate::rounds::Rows;

/// CPU slots, as Ray gets them.
const CPUS: f64 = 2.0;

/// Where the result goes.
const RESULT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/bench/ours.json");

fn main() {
    if std::env::args().any(|argument| argument == process::IDLE) {
        return process::idle();
    }
    let mut rows = Rows::default();
    process::measure(&mut rows);
    block_on(steady::measure(&mut rows));
    block_on(ending::measure(&mut rows));
    rows.write(RESULT.as_ref());
}

/// The compiled guest.
fn guest() -> PathBuf {
    let folder = std::env::var_os("RUSTYRAY_GUESTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/wasm32-wasip2/release")),
        PathBuf::from,
    );
    let path = folder.join("workloads").with_extension("wasm");
    assert!(path.exists(), "the guest is not built: run `make guests`");
    path
}

/// The settings of every host here. Modules are compiled once, as the command line does it.
fn builder() -> HostBuilder {
    let cache = concat!(env!("CARGO_TARGET_TMPDIR"), "/workloads");
    // Some guests measure themselves, and without a grant their clock stands still.
    let clock = Capabilities::none().clock();
    Host::builder().cpus(CPUS).cache_dir(cache).capabilities(clock)
}

/// A host with the guest on it.
async fn start(builder: HostBuilder) -> (Host, Module) {
    let host = builder.build().unwrap();
    let module = host.load_file(guest()).await.unwrap();
    (host, module)
}
