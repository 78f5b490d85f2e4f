//! How what the host itself has to say reaches the log of the process.

use std::fmt::{self, Debug};
use std::sync::Arc;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::panics::caught;

/// Says something for the host. A subscriber of `tracing` may block, so that what others wait for, as the thread that writes the
/// journal, is given one that only puts the words into a queue.
#[derive(Clone)]
pub struct Voice(Arc<dyn Fn(Level, String) + Send + Sync>);

impl Voice {
    /// One that hands the words to this.
    pub fn new(say: impl Fn(Level, String) + Send + Sync + 'static) -> Self {
        Voice(Arc::new(say))
    }

    /// One that waits for the subscriber.
    pub fn direct() -> Self {
        Voice::new(|level, text| say_now(level, &text))
    }

    /// Says it, if anybody wants to hear of what is so important.
    pub fn say(&self, level: Level, text: impl FnOnce() -> String) {
        if level <= LevelFilter::current() {
            (self.0)(level, text());
        }
    }
}

impl Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voice")
    }
}

/// What the host's own messages are found by.
const TARGET: &str = "rustyray::host";

/// An event of `tracing`, on whatever subscriber the process has.
pub fn say_now(level: Level, text: &str) {
    let saying = || match level {
        Level::ERROR => tracing::error!(target: TARGET, "{text}"),
        Level::WARN => tracing::warn!(target: TARGET, "{text}"),
        Level::INFO => tracing::info!(target: TARGET, "{text}"),
        Level::DEBUG => tracing::debug!(target: TARGET, "{text}"),
        Level::TRACE => tracing::trace!(target: TARGET, "{text}"),
    };
    // A subscriber that panics cannot be told of.
    let _ = caught(saying);
}
