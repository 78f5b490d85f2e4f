//! SIGINT and SIGTERM: the first asks for an orderly end, the second ends.

use std::convert::Infallible;
use std::io;

use tokio::signal::unix::{self, SignalKind};

use super::console::Console;
use super::exit::Exit;

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
        std::process::exit(signal.exit().code().into())
    }
}
