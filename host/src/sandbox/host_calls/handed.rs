//! A handle that a host call gives at once, where it might have had to wait.
//!
//! What such a call gives the engine is a boxed future, and a box of nothing is free: one with the result in it would allocate for each
//! call. The engine polls what it is given as soon as it has it, on the same thread, where the handle lies until then.

use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use wasmtime::component::Resource;

use super::super::wire;

/// What a call that makes something gives the engine.
pub(super) type Made<'a, T> = Box<dyn Future<Output = Given<T>> + Send + 'a>;

type Given<T> = wasmtime::Result<(Result<Resource<T>, wire::TaskError>,)>;

thread_local! {
    static HANDLE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Ready already.
struct Handed<T>(PhantomData<fn() -> T>);

/// This handle, at once.
pub(super) fn handed<'a, T: 'static>(handle: &Resource<T>) -> Made<'a, T> {
    HANDLE.set(Some(handle.rep()));
    Box::new(Handed(PhantomData))
}

impl<T: 'static> Future for Handed<T> {
    type Output = Given<T>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let given = HANDLE.take().map(|handle| (Ok(Resource::new_own(handle)),));
        Poll::Ready(given.ok_or_else(|| wasmtime::Error::msg("a handle was not there when it was to be given")))
    }
}
