//! Standard error: everything that is written there goes through here, and out through a [thread](super::scribe) of its own. So
//! a progress line on a terminal is out of the way before anything else is shown, and nobody else waits for who reads it.

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;

use rustyray_host::LogSource;
use tracing_subscriber::fmt::MakeWriter;

use super::colour::Colour;
use super::may_block::may_block;
use super::scribe::Scribe;

/// Time for what was said to be shown before something else that is written beside it.
pub const FIRST: Duration = Duration::from_millis(200);

/// This process's standard error. A clone is the same one.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    quiet: bool,
    verbosity: u8,
    json: bool,
    terminal: bool,
    scribe: Arc<Scribe>,
}

impl Console {
    /// With these flags.
    pub fn new(quiet: bool, verbosity: u8, json: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        Console(Arc::new(Inner { quiet, verbosity, json, terminal, scribe: Arc::default() }))
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
        self.0.terminal
    }

    /// Does it go where standard output goes, so that the order of the two can be seen?
    pub fn is_beside_stdout(&self) -> bool {
        let place = |stream: io::Result<std::os::fd::OwnedFd>| {
            let file = std::fs::File::from(stream.ok()?).metadata().ok()?;
            Some((file.dev(), file.ino(), file.rdev()))
        };
        let stderr = place(io::stderr().as_fd().try_clone_to_owned());
        stderr.is_some() && stderr == place(io::stdout().as_fd().try_clone_to_owned())
    }

    /// Its colours.
    pub fn colour(&self) -> Colour {
        Colour::of(&io::stderr())
    }

    /// Writes a line.
    pub fn line(&self, text: &str) {
        self.0.scribe.write(format!("{text}\n").into_bytes());
    }

    /// Writes a guest's line, and holds back whoever brings more of them than are read.
    pub fn guest_line(&self, text: &str) {
        self.0.scribe.write_in_turn(format!("{text}\n").into_bytes());
    }

    /// Writes a line for those who asked for more.
    pub fn note(&self, text: &str) {
        if self.0.verbosity > 0 {
            self.line(&format!("{} {text}", self.colour().dim("note:")));
        }
    }

    /// Takes the progress line away.
    pub fn clear(&self) {
        self.0.scribe.clear();
    }

    /// The driver is about to write these bytes to one of its streams.
    pub fn make_way(&self, source: LogSource, bytes: &[u8]) {
        if self.is_terminal() && (source == LogSource::Stderr || io::stdout().is_terminal()) {
            self.0.scribe.make_way(bytes.last().map(|last| *last != b'\n'));
        }
    }

    /// Shows or renews the progress line, unless something else was written just now.
    pub fn show_progress(&self, text: String, since: Duration) {
        self.0.scribe.show(text, since);
    }

    /// The work begins, and guests' lines wait for who reads them; or it is over, and nobody waits who has waited long.
    pub fn set_ending(&self, ending: bool) {
        self.0.scribe.set_ending(ending);
    }

    /// Waits until what was said is written, at most this long.
    pub fn flush(&self, longest: Duration) {
        self.0.scribe.flush(longest);
    }

    /// Something else is about to be written where this goes: what was said before is shown first, if it is read.
    pub fn catch_up(&self) {
        self.flush(FIRST);
    }

    /// The last words: what is left is written, unless nobody reads it.
    pub fn finish(&self) {
        let _ends_at_a_signal = may_block();
        self.clear();
        self.set_ending(true);
        self.flush(Duration::MAX);
    }
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
        self.0.scribe.write(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
