//! SIGINT and SIGTERM: the first asks for an orderly end, the second ends.

use std::convert::Infallible;
use std::io;
use std::process::exit;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::signal::unix::{self, SignalKind};

use super::console::Console;
use super::exit::Exit;

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
}

impl Signal {
    /// How to exit because of it.
    pub fn exit(self) -> Exit {
        match self {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate => Exit::Terminated,
        }
    }
}

/// The signals that this process is sent, from the moment on that it listens.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
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
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }

    /// Ends the process at the next one, without any tidying: the user does not want to wait.
    pub async fn end_at_once(&mut self, console: &Console) -> Infallible {
        let signal = self.next().await;
        console.clear();
        console.flush(AT_ONCE / 2);
        exit(signal.exit().code().into())
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
        if seen > 1 || BLOCKED.load(Ordering::SeqCst) > 0 {
            exit(signal.exit().code().into());
        }
    }
    std::future::pending().await
}

/// How many are in a call that may never return.
static BLOCKED: AtomicUsize = AtomicUsize::new(0);

/// From now until what this gives is dropped the caller may be in a call that never returns, and has nothing to tidy up: a signal
/// ends the process, as if nobody listened.
pub fn may_block() -> MayBlock {
    BLOCKED.fetch_add(1, Ordering::SeqCst);
    MayBlock(())
}

/// See [`may_block`].
pub struct MayBlock(());

impl Drop for MayBlock {
    fn drop(&mut self) {
        BLOCKED.fetch_sub(1, Ordering::SeqCst);
    }
}
