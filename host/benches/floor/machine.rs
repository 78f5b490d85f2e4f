//! Where the figures come from: the machine, and what this process takes of it.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::time::{Duration, SystemTime};

/// Linux tells times in hundredths of a second, whatever its own tick is.
const TICK: Duration = Duration::from_millis(10);

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

/// The memory of this process that is there and not just promised, in bytes.
pub fn resident() -> f64 {
    kib("VmRSS")
}

/// The most that it ever was.
pub fn resident_peak() -> f64 {
    kib("VmHWM")
}

fn kib(label: &str) -> f64 {
    let text = labelled("/proc/self/status", label).unwrap_or_default();
    text.trim_end_matches(" kB").parse::<f64>().unwrap_or(f64::NAN) * 1024.0
}

/// The time that this process spent on all cores.
pub fn cpu_time() -> Duration {
    let text = read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields after the program's name, which may contain anything: user and system time are the 12th and 13th.
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u32 = fields.skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    TICK * ticks
}

/// What a file says after this label and a colon.
fn labelled(path: &str, label: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(label))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
