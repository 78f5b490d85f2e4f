//! Where the figures come from: the machine, and what this process takes of it.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// Time between two looks at threads that do not live long.
const GLANCE: Duration = Duration::from_millis(2);

/// What a figure depends on, by name.
pub fn facts() -> BTreeMap<String, String> {
    let line = |path: &str| read_to_string(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let facts = [
        ("kernel", line("/proc/sys/kernel/osrelease")),
        ("cores", cores.to_string()),
        ("cpu", labelled("/proc/cpuinfo", "model name").unwrap_or_default()),
        ("memory", labelled("/proc/meminfo", "MemTotal").unwrap_or_default()),
        ("load", line("/proc/loadavg")),
        ("date", humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The memory of this process that is there and not just promised, in bytes. A page that is mapped a thousand times, as
/// a module's data is into its guests, counts once: the kernel's resident size would count it for each.
pub fn resident() -> f64 {
    kib("/proc/self/smaps_rollup", "Pss")
}

/// The most that it ever was.
pub fn resident_peak() -> f64 {
    kib("/proc/self/status", "VmHWM")
}

fn kib(file: &str, label: &str) -> f64 {
    let text = labelled(file, label).unwrap_or_default();
    text.trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) * 1024.0
}

/// The share of the busiest thread in what those whose name begins so spend while the work is done. It tells how the work
/// was spread, also on a machine that had less than all cores to give. Threads that end with the work are looked at while
/// they live.
pub fn busiest_share<T>(threads: &str, work: impl FnOnce() -> T) -> f64 {
    let done = AtomicBool::new(false);
    let mut spent = BTreeMap::new();
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut spent = BTreeMap::new();
            while !done.load(Ordering::Relaxed) {
                spent.extend(times(threads));
                std::thread::sleep(GLANCE);
            }
            spent
        });
        std::hint::black_box(work());
        done.store(true, Ordering::Relaxed);
        spent = watch.join().unwrap();
    });
    let total: f64 = spent.values().sum();
    spent.values().copied().fold(0.0, f64::max) / total
}

/// The time that each of these threads has spent on a core, by the folder that tells it.
fn times(threads: &str) -> Vec<(PathBuf, f64)> {
    let folders = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|entry| entry.path());
    let named = |folder: &PathBuf| read_to_string(folder.join("comm")).is_ok_and(|name| name.starts_with(threads));
    let time = |folder: PathBuf| {
        let text = read_to_string(folder.join("schedstat")).ok()?;
        let time = text.split_whitespace().next()?.parse().ok()?;
        Some((folder, time))
    };
    folders.filter(named).filter_map(time).collect()
}

/// What a file says after this label and a colon.
fn labelled(path: &str, label: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(label))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
