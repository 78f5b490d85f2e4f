//! The threads of tokio.

use std::time::Duration;

use rustix::process::Signal;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::signal::unix::{SignalKind, signal};

use crate::types::limits::{BLOCKING_THREADS, FILE_THREADS_MAX, GUEST_IO_THREAD_IDLE, LOOK_UPS_MAX, MODULES_MAX};

/// The threads of tokio: those for sockets and what blocks of the host's own, those for what blocks of guests, so that no guest takes the
/// host's, and one that only watches the time, so that nothing else makes a deadline or a nap late. What has come is handed to the threads
/// that run guests.
pub struct IoThreads {
    /// For sockets, and for what blocks of the host's own.
    pub io: Handle,
    /// For what blocks of guests: files, and names that are looked up. It runs nothing else.
    pub guests: Handle,
    /// For the time.
    pub time: Handle,
    /// Taken by who ends them.
    runtimes: Vec<Runtime>,
}

impl IoThreads {
    /// Starts them.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start() -> std::io::Result<Self> {
        let polling = || {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1);
            builder
        };
        let io = polling().thread_name("rustyray-io").max_blocking_threads(BLOCKING_THREADS).enable_all().build()?;
        survive_large_files(&io);
        // Where no resolver and no disk answers, each module that has a name or a folder keeps one for itself.
        let blocking = FILE_THREADS_MAX + MODULES_MAX + LOOK_UPS_MAX + MODULES_MAX;
        let mut guests = Builder::new_current_thread();
        let guests = guests.thread_name("rustyray-guest-io").max_blocking_threads(blocking);
        let guests = guests.thread_keep_alive(GUEST_IO_THREAD_IDLE).build()?;
        let [io_handle, guests_handle] = [&io, &guests].map(|runtime| runtime.handle().clone());
        let mut threads =
            IoThreads { io: io_handle.clone(), guests: guests_handle, time: io_handle, runtimes: vec![io, guests] };
        let time = polling().thread_name("rustyray-time").enable_time().build()?;
        threads.time = time.handle().clone();
        threads.runtimes.push(time);
        Ok(threads)
    }

    /// Waits until they have ended, at most for `longest` each. Time is the last: what is dropped with the others may look at it.
    pub fn join(mut self, longest: Duration) {
        self.runtimes.drain(..).for_each(|runtime| runtime.shutdown_timeout(longest));
    }
}

/// A write beyond what the process may write to a file (`ulimit -f`) is an error of that write from now on, of a guest or of the host.
/// Without anybody who hears the signal it would be the end of the process.
fn survive_large_files(io: &Runtime) {
    let _inside = io.enter();
    // Once somebody has asked for it, it has no other effect any more. Where the system refuses that, nothing is lost.
    let _ = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()));
}

impl Drop for IoThreads {
    fn drop(&mut self) {
        // Not as tokio would: dropping a runtime waits, and panics where an embedder's own runs.
        self.runtimes.drain(..).for_each(Runtime::shutdown_background);
    }
}
