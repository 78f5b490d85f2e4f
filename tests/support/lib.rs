//! What all tests need.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use rustyray_host::{Encoding, Host, HostBuilder, LogLine, Module, ObjectRef, Payload, Reference, TaskError};
use tokio::sync::Notify;

pub use rustyray_testkit::guest;
use rustyray_testkit::scratch;

/// Instances of a test's host. Many hosts live in one process here, and each instance reserves 4 GiB of address space.
pub const INSTANCES: u32 = 64;

/// A host for one test.
pub fn builder() -> HostBuilder {
    watch_for_a_standstill();
    // Compiled guests, shared by all hosts: without it most tests spend most of their time on compiling one.
    Host::builder().cpus(2.0).instances(INSTANCES).cache_dir(scratch().join("compiled"))
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
pub struct Lines(Arc<Mutex<Vec<LogLine>>>, Arc<Notify>);

impl Lines {
    /// Receives a line.
    pub fn sink(&self) -> impl Fn(&LogLine) + Send + Sync + 'static {
        let Lines(lines, changed) = self.clone();
        move |line| {
            lines.lock().unwrap().push(line.clone());
            changed.notify_waiters();
        }
    }

    /// The lines as `task: text`.
    pub fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|line| format!("{}: {}", line.task, line.text)).collect()
    }

    /// The lines themselves.
    pub fn lines(&self) -> Vec<LogLine> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until this text was printed.
    pub async fn until(&self, text: &str) {
        self.until_times(text, 1).await;
    }

    /// Waits until this text was printed so often.
    pub async fn until_times(&self, text: &str, times: usize) {
        let printed = async {
            loop {
                let changed = self.1.notified();
                if self.lines().iter().filter(|line| line.text == text).count() >= times {
                    return;
                }
                changed.await;
            }
        };
        within(printed, text).await;
    }
}

/// What must come soon; a test that waits in vain says for what.
pub async fn within<T>(future: impl Future<Output = T>, what: &str) -> T {
    match tokio::time::timeout(Duration::from_secs(60), future).await {
        Ok(value) => {
            PROGRESS.fetch_add(1, Ordering::Relaxed);
            value
        }
        Err(_) => panic!("waited a minute for: {what}"),
    }
}

/// Waits until the host looks like this. There is nobody to wake a test when a count changes, so it looks again after
/// whatever else has to run; a host that never gets there fails the test.
pub async fn settled(host: &Host, what: &str, condition: impl Fn(&rustyray_host::Stats) -> bool) {
    let watching = async {
        while !condition(&host.stats()) {
            tokio::task::yield_now().await;
        }
    };
    within(watching, what).await;
}

/// The error that an object must have.
pub async fn error(host: &Host, object: &ObjectRef) -> Arc<TaskError> {
    match within(host.value(object, None), "an error").await {
        Ok(_) => panic!("{object:?} has a value"),
        Err(error) => error,
    }
}

/// The value that an object must have.
pub async fn value<T: serde::de::DeserializeOwned + 'static>(host: &Host, object: &ObjectRef) -> T {
    match within(host.get(object), "a value").await {
        Ok(value) => value,
        Err(error) => panic!("{error:#}"),
    }
}

/// Time after which a process of tests in which nothing went on is ended.
const STANDSTILL: Duration = Duration::from_secs(180);

/// What went on: hosts that were made, and waits that were over.
static PROGRESS: AtomicU64 = AtomicU64::new(0);

/// Ends the process, and says where its threads stand, when nothing goes on any more: a host that is frozen may hold the very threads
/// on which a test's own timeouts run.
fn watch_for_a_standstill() {
    static WATCHDOG: Once = Once::new();
    PROGRESS.fetch_add(1, Ordering::Relaxed);
    WATCHDOG.call_once(|| {
        let watchdog = std::thread::Builder::new().name("watchdog".to_owned());
        watchdog.spawn(watch).expect("a thread");
    });
}

fn watch() {
    let mut seen = PROGRESS.load(Ordering::Relaxed);
    loop {
        // Nothing wakes it: it measures the time in which nothing happens.
        std::thread::park_timeout(STANDSTILL);
        let now = PROGRESS.load(Ordering::Relaxed);
        if now == seen {
            eprintln!("no test has gone on for {STANDSTILL:?}: a host is frozen. The threads:\n{}", threads());
            std::process::abort();
        }
        seen = now;
    }
}

/// The names of the process's threads, and what each waits for in the system.
fn threads() -> String {
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.map(|task| format!("  {:24} {}\n", read(task.path().join("comm")), read(task.path().join("wchan")))).collect()
}

/// A reference to each of these, as a guest gets it.
pub fn list(objects: &[ObjectRef]) -> Payload {
    let numbers: Vec<usize> = (0..objects.len()).collect();
    let references = objects.iter().cloned().map(Reference::Object).collect();
    Payload { encoding: Encoding::Json, data: serde_json::to_vec(&numbers).unwrap().into(), references }
}
