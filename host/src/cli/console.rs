//! Standard error: everything that is written there goes through here, so that a progress line on a terminal is out of
//! the way before anything else is shown, and comes back when it is quiet.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use rustyray_host::LogSource;
use tracing_subscriber::fmt::MakeWriter;

use super::paint::Paint;

/// Time without other output after which the progress line comes back. Output that is still on its way to the terminal
/// has arrived by then.
const QUIET: Duration = Duration::from_millis(250);

/// This process's standard error. A clone is the same one.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    quiet: bool,
    verbosity: u8,
    json: bool,
    screen: Mutex<Screen>,
}

struct Screen {
    /// The progress line, while it is shown.
    bar: Option<ProgressBar>,
    /// When something else was written last.
    written: Option<Instant>,
    /// The driver has written a part of a line, which a progress line would overwrite.
    mid_line: bool,
}

impl Console {
    /// With these flags.
    pub fn new(quiet: bool, verbosity: u8, json: bool) -> Self {
        let screen = Screen { bar: None, written: None, mid_line: false };
        Console(Arc::new(Inner { quiet, verbosity, json, screen: Mutex::new(screen) }))
    }

    /// Did the user ask for silence?
    pub fn is_quiet(&self) -> bool {
        self.0.quiet
    }

    /// Does a script read what the command has to say?
    pub fn is_json(&self) -> bool {
        self.0.json
    }

    /// How often the user asked for more.
    pub fn verbosity(&self) -> u8 {
        self.0.verbosity
    }

    /// Does a person look at it?
    pub fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Its colours.
    pub fn paint(&self) -> Paint {
        Paint::of(&io::stderr())
    }

    /// Writes a line.
    pub fn line(&self, text: &str) {
        self.put(format!("{text}\n").as_bytes());
    }

    /// Writes a line for those who asked for more.
    pub fn note(&self, text: &str) {
        if self.0.verbosity > 0 {
            self.line(&format!("{} {text}", self.paint().dim("note:")));
        }
    }

    /// Takes the progress line away.
    pub fn clear(&self) {
        self.0.screen.lock().clear();
    }

    /// The driver is about to write these bytes to one of its streams.
    pub fn make_way(&self, source: LogSource, bytes: &[u8]) {
        if source != LogSource::Stderr && !io::stdout().is_terminal() {
            return;
        }
        let mut screen = self.0.screen.lock();
        screen.clear();
        screen.written = Some(Instant::now());
        screen.mid_line = bytes.last().map_or(screen.mid_line, |last| *last != b'\n');
    }

    /// Shows or renews the progress line, unless something else was written just now.
    pub fn show_progress(&self, text: String, since: Duration) {
        let mut screen = self.0.screen.lock();
        let quiet = screen.written.is_none_or(|written| written.elapsed() >= QUIET);
        if quiet && !screen.mid_line {
            let bar = screen.bar.get_or_insert_with(|| new_bar(since));
            bar.set_message(text);
            bar.tick();
        }
    }

    fn put(&self, bytes: &[u8]) {
        let mut screen = self.0.screen.lock();
        screen.clear();
        screen.written = Some(Instant::now());
        // Nobody is left to tell that standard error is closed.
        let _ = io::stderr().write_all(bytes);
    }
}

impl Screen {
    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(since: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_elapsed(since);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}

/// For the events of `tracing`.
impl<'a> MakeWriter<'a> for Console {
    type Writer = Console;

    fn make_writer(&'a self) -> Console {
        self.clone()
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
