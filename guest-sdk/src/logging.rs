//! Log lines go to the host, which shows them under the task's name.

use std::io::Write;

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::host::logging;

/// What reaches the host unless the program says otherwise with `log::set_max_level`. The host shows what it was asked
/// to; `trace` lines of dependencies would eat up the task's output limit on the way.
const LEVEL: LevelFilter = LevelFilter::Debug;

struct HostLog;

/// Sends what is logged to the host. A program that has a logger of its own keeps it.
pub(crate) fn install() {
    static LOG: HostLog = HostLog;
    if log::set_logger(&LOG).is_ok() {
        log::set_max_level(LEVEL);
    }
}

/// Sends what was printed without a line's end: after a task no runtime does it, as one does after `main`.
pub(crate) fn printed<T>(result: T) -> T {
    // A host that refuses output ends the guest; there is nobody to tell of another failure.
    let _ = std::io::stdout().flush();
    result
}

impl Log for HostLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true // `log` compares with its own level first
    }

    fn log(&self, record: &Record<'_>) {
        let level = level(record.level());
        match record.args().as_str() {
            Some(message) => logging::log(level, record.target(), message),
            None => logging::log(level, record.target(), &record.args().to_string()),
        }
    }

    fn flush(&self) {}
}

fn level(level: Level) -> logging::Level {
    match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
    }
}
