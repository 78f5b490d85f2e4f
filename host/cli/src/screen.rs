//! Standard error as it looks: lines, and below them a progress line on a terminal, which is out of the way before anything else
//! is shown and comes back when it is quiet. Only the thread that writes there has it.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::streams::write_all;

/// Time without other output after which the progress line comes back. Output that is still on its way to the terminal
/// has arrived by then.
const QUIET: Duration = Duration::from_millis(250);

/// What is on it.
pub struct Screen {
    /// The progress line, while it is shown.
    bar: Option<ProgressBar>,
    /// When something else was written last.
    written: Option<Instant>,
    /// The driver has written a part of a line, which a progress line would overwrite.
    mid_line: bool,
}

impl Screen {
    /// An empty one.
    pub fn new() -> Self {
        Screen { bar: None, written: None, mid_line: false }
    }

    /// Is a progress line there?
    pub fn shows_progress(&self) -> bool {
        self.bar.is_some()
    }

    /// Writes whole lines, for as long as that takes.
    pub fn write(&mut self, text: &[u8]) {
        self.clear();
        self.written = Some(Instant::now());
        // Nobody is left to tell that standard error is closed.
        let _ = write_all(rustix::stdio::stderr(), text);
    }

    /// Shows or renews the progress line, unless something else was written just now.
    pub fn show(&mut self, text: String, since: Duration) {
        let quiet = self.written.is_none_or(|written| written.elapsed() >= QUIET);
        if quiet && !self.mid_line {
            let bar = self.bar.get_or_insert_with(|| new_bar(since));
            bar.set_message(text);
            bar.tick();
        }
    }

    /// Takes the progress line away.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// The driver writes something.
    pub fn make_way(&mut self, mid_line: Option<bool>) {
        self.clear();
        self.written = Some(Instant::now());
        self.mid_line = mid_line.unwrap_or(self.mid_line);
    }
}

fn new_bar(since: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(since);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}
