//! Turns: what a host call does burns no fuel, so that a guest could call the host for hours between two yields of its own.

use std::time::Instant;

use wasmtime::{CallHook, CallHookHandler, StoreContextMut};
use wasmtime_wasi::async_trait;

use super::guest::Guest;
use crate::words::limits::HOST_CALLS_TURN;

/// Ends a guest's turn when it returns from a host call after [`HOST_CALLS_TURN`].
pub struct Turns;

#[async_trait]
impl CallHookHandler<Guest> for Turns {
    async fn handle_call_event(&self, mut store: StoreContextMut<'_, Guest>, event: CallHook) -> wasmtime::Result<()> {
        let guest = store.data_mut();
        if matches!(event, CallHook::ReturningFromHost) && guest.turn.elapsed() >= HOST_CALLS_TURN {
            // Not another slice of fuel.
            let task = guest.task().clone();
            task.meter.parked.store(true, std::sync::atomic::Ordering::Relaxed);
            tokio::task::yield_now().await;
            task.meter.parked.store(false, std::sync::atomic::Ordering::Relaxed);
            guest.turn = Instant::now();
        }
        Ok(())
    }
}
