//! SIGINT, SIGTERM and SIGHUP: the first asks for an orderly end, the second ends.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{self, SignalKind};

use super::console::Console;
use super::exit::Exit;
use super::may_block::is_anybody_blocked;

/// Time for the second signal to end the process in the ordinary way, the progress line taken off the terminal.
const AT_ONCE: Duration = Duration::from_millis(200);

/// Sent to who writes more to a file than the process may; the number on Linux and macOS.
const SIGXFSZ: i32 = 25;

/// A request to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

impl Signal {
    /// How to exit because of it.
    pub fn exit(self) -> Exit {
        match self {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate => Exit::Terminated,
            Signal::HangUp => Exit::HungUp,
        }
    }
}

/// The signals that this process is sent, from the moment on that it listens.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    /// None where it was to be ignored, as `nohup` has it.
    hang_up: Option<unix::Signal>,
}

impl Signals {
    /// Listens. From now on neither signal ends the process by itself.
    pub fn listen() -> io::Result<Self> {
        let signals = Signals::here()?;
        // To listen once is to survive it: a file that may not grow is an error of whoever writes it, as a full disk is.
        drop(unix::signal(SignalKind::from_raw(SIGXFSZ))?);
        keep_watch();
        Ok(signals)
    }

    fn here() -> io::Result<Self> {
        Ok(Signals {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: if hears_hang_up() { Some(unix::signal(SignalKind::hangup())?) } else { None },
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            Some(_) = async { self.hang_up.as_mut()?.recv().await } => Signal::HangUp,
        }
    }

    /// Ends the process at the next one, without any tidying: the user does not want to wait.
    pub async fn end_at_once(&mut self, console: &Console) -> Infallible {
        let signal = self.next().await;
        console.clear();
        console.flush(AT_ONCE / 2);
        leave(signal)
    }
}

/// A thread that listens as well, for when the one that acts on signals is stuck in a write or in opening a pipe.
fn keep_watch() {
    // A process has one set of signals.
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        // Without the thread a signal waits for that write.
        let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _ = runtime.map(|runtime| runtime.block_on(watch()));
        });
    });
}

/// Ends the process at a signal that would do nothing else, and at a second one that has not ended it a moment later.
async fn watch() -> io::Result<Infallible> {
    let mut signals = Signals::here()?;
    for seen in 1.. {
        let signal = signals.next().await;
        if seen > 1 {
            tokio::time::sleep(AT_ONCE).await;
        }
        if seen > 1 || is_anybody_blocked() {
            leave(signal);
        }
    }
    std::future::pending().await
}

/// Is the process to hear of SIGHUP? What it has set is read before it listens the first time. Where the system does not say, it is not.
fn hears_hang_up() -> bool {
    static HEARS: OnceLock<bool> = OnceLock::new();
    *HEARS.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // Signals are counted from 1, and this is the first.
        ignored.is_some_and(|mask| mask & 1 == 0)
    })
}

/// The folder in which the host spills.
static SPILLS: OnceLock<PathBuf> = OnceLock::new();

/// Has what is spilled there removed at an end that waits for nobody.
pub fn remove_at_the_end(spills: &Path) {
    let _ = SPILLS.set(spills.to_owned());
}

/// Ends the process, and tidies up nothing but what it wrote of objects: those are others' data.
fn leave(signal: Signal) -> ! {
    if let Some(root) = SPILLS.get() {
        // As the host names them.
        let mine = format!("rustyray-spill-{}-", std::process::id());
        let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
        let is_mine = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&mine);
        for folder in entries.filter(is_mine) {
            // Once more where somebody wrote to it meanwhile.
            let removed = (0..10).any(|_| std::fs::remove_dir_all(folder.path()).is_ok());
            let _ = removed;
        }
    }
    std::process::exit(signal.exit().code().into())
}
