//! What a process has: threads, open files, memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Memory that a process may keep. The allocator does not give back all that was freed: after a storm of modules that do
/// not compile it keeps some 100 MiB, and no more after ten of them.
const MEMORY_KEPT: u64 = 192 << 20;

/// A thread that was joined is listed for a moment after its end, and some that nobody joins end by themselves: that of the
/// cache of compiled guests may have one to compress first.
const SETTLING: Duration = Duration::from_secs(60);

/// The process's own threads: its first, and the one that the test runner starts for a test.
const THREADS: usize = 2;

/// Open files by where they lead, and resident memory.
#[derive(Debug)]
pub struct Census {
    files: BTreeMap<String, usize>,
    memory: u64,
}

impl Census {
    /// Counts, when no host is left: with all its threads gone.
    pub fn take() -> Self {
        wait_until(|| threads().len() == THREADS, || format!("{:?} are left", threads()));
        Census { files: files(), memory: memory() }
    }

    /// Checks that everything is as it was.
    pub fn expect_again(&self) {
        let now = Census::take();
        assert_eq!(now.files, self.files, "open files");
        assert!(now.memory <= self.memory + MEMORY_KEPT, "{} bytes, and {} before", now.memory, self.memory);
    }
}

/// Resident memory in bytes.
pub fn memory() -> u64 {
    status("VmRSS:")
}

/// The most memory that the process ever had.
pub fn peak_memory() -> u64 {
    status("VmHWM:")
}

/// Open files by where they lead. The folders that are being read are open themselves.
pub fn files() -> BTreeMap<String, usize> {
    let targets = entries("/proc/self/fd").filter_map(|path| std::fs::read_link(path).ok());
    let names = targets.map(|target| target.to_string_lossy().into_owned());
    names.filter(|target| !target.starts_with("/proc/")).fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}

/// Threads by name, without the one that ends the process where nothing goes on.
pub fn threads() -> Vec<String> {
    let names = entries("/proc/self/task").filter_map(|path| std::fs::read_to_string(path.join("comm")).ok());
    names.map(|name| name.trim().to_owned()).filter(|name| name != "watchdog").collect()
}

fn entries(folder: &str) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path())
}

/// A line of the process's status, in bytes.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn wait_until(condition: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SETTLING, "{}", otherwise());
        std::thread::yield_now();
    }
}
