//! What all tests need.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustyray_host::{Host, HostBuilder, LogLine, Module, TaskError};

/// Instances of a test's host. Many hosts live in one process here, and each instance reserves 4 GiB of address space.
pub const INSTANCES: u32 = 64;

/// The compiled guest of this name.
///
/// # Panics
/// It is not built.
pub fn guest(name: &str) -> PathBuf {
    let target = std::env::var_os("RUSTYRAY_GUESTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/wasm32-wasip2/release")),
        PathBuf::from,
    );
    let path = target.join(name).with_extension("wasm");
    assert!(path.exists(), "guest {name} is not built: run `make guests`");
    path
}

/// A host for one test.
pub fn builder() -> HostBuilder {
    Host::builder().cpus(2.0).instances(INSTANCES)
}

/// A host, and a module of this name on it.
pub async fn host_with(builder: HostBuilder, name: &str) -> (Host, Module) {
    let host = builder.build().expect("the host builds");
    let module = host.load_file(guest(name)).await.expect("the guest loads");
    (host, module)
}

/// Ends a host, and checks that nothing is left behind.
pub async fn finish(host: Host) {
    host.shutdown(Duration::from_secs(5)).await;
    let stats = host.stats();
    assert_eq!((stats.instances, stats.actors, stats.running, stats.pending), (0, 0, 0, 0), "{stats:?}");
}

/// Collects what guests print.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<LogLine>>>);

impl Lines {
    /// Receives a line.
    pub fn sink(&self) -> impl Fn(&LogLine) + Send + Sync + 'static {
        let lines = self.0.clone();
        move |line| lines.lock().unwrap().push(line.clone())
    }

    /// The lines as `task: text`.
    pub fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|line| format!("{}: {}", line.task, line.text)).collect()
    }
}

/// The error that a task must have ended with.
pub fn error<T: std::fmt::Debug>(result: Result<T, Arc<TaskError>>) -> Arc<TaskError> {
    result.expect_err("the task fails")
}
