//! The executor's side of an instance that serves several calls at once.

use std::time::Duration;

use super::reactor;
use crate::host::calls::Event;
use crate::host::types::ErrorKind;
use crate::task_error::local_error;

/// What `f` begins to wait for is this call's.
pub(crate) fn run_as<T>(call: u64, f: impl FnOnce() -> T) -> T {
    reactor::with(|reactor| reactor.runs = call);
    let result = f();
    reactor::with(|reactor| reactor.runs = 0);
    result
}

/// Waits until something that a call waits for has happened, and wakes it, or until there is something else to know.
pub(crate) fn park_for_calls() -> Option<Event> {
    wait(|reactor| reactor.nearest())
}

/// The same, without waiting.
pub(crate) fn look_for_calls() -> Option<Event> {
    wait(|_| Some(Duration::ZERO))
}

fn wait(timeout: impl FnOnce(&reactor::Reactor) -> Option<Duration>) -> Option<Event> {
    let happened = reactor::with(|reactor| {
        let timeout = timeout(reactor);
        reactor.wait_for_calls(timeout)
    });
    match happened {
        Ok(wakers) => {
            reactor::wake(wakers);
            None
        }
        Err(event) => Some(event),
    }
}

/// The call was asked to stop: what it waits for fails.
pub(crate) fn asked_to_stop(call: u64) {
    let error = local_error(ErrorKind::TaskCancelled, "this call was asked to stop".to_owned());
    reactor::wake(reactor::with(|reactor| reactor.stop(call, &error)));
}
