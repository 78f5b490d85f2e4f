//! What happens where a guest hands the thread to the host, and takes it back: it is charged for what it burned (`tank.rs`), and its
//! turn may end. What a host call does burns no fuel, so that a guest could call the host for hours between two yields of its own.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use wasmtime::{CallHook, CallHookHandler, StoreContextMut};

use super::guest::Guest;
use super::tank;
use crate::types::limits::HOST_CALLS_TURN;

/// Charges a guest for its fuel, and ends its turn when it returns from a host call after [`HOST_CALLS_TURN`].
pub struct Turns;

/// Host calls between two looks at the clock, which takes longer than the rest of this.
const CALLS_A_LOOK_MAX: u32 = 8;

impl Guest {
    /// Has its turn lasted too long?
    fn turn_is_over(&mut self) -> bool {
        self.turn.calls += 1;
        if self.turn.calls < self.turn.calls_a_look {
            return false;
        }
        let is_over = self.has_had_its_turn();
        let next = if is_over { 1 } else { (2 * self.turn.calls_a_look).clamp(1, CALLS_A_LOOK_MAX) };
        (self.turn.calls, self.turn.calls_a_look) = (0, next);
        is_over
    }

    /// A turn that began without a word to this is noticed here.
    fn has_had_its_turn(&mut self) -> bool {
        let number = self.turns();
        match self.turn.begun {
            Some((begun, since)) if begun == number => since.elapsed() >= HOST_CALLS_TURN,
            _ => {
                self.turn.begun = Some((number, Instant::now()));
                false
            }
        }
    }
}

/// Sets how many bytes the engine may take out of the guest from here on.
fn set_room(store: &mut StoreContextMut<'_, Guest>, event: &CallHook) {
    let Some(room) = store.data().result_room else { return };
    let bytes = match event {
        CallHook::ReturningFromWasm => store.data().limiter.room_for_values() as usize / room.bytes_each,
        _ => room.for_others,
    };
    store.set_hostcall_fuel(bytes);
}

type Handled<'a> = Pin<Box<dyn Future<Output = wasmtime::Result<()>> + Send + 'a>>;

// Written out where `async_trait` would allocate for each host call: a box of nothing is free.
impl CallHookHandler<Guest> for Turns {
    fn handle_call_event<'hook, 'store, 'async_trait>(
        &'hook self,
        mut store: StoreContextMut<'store, Guest>,
        event: CallHook,
    ) -> Handled<'async_trait>
    where
        'hook: 'async_trait,
        'store: 'async_trait,
        Self: 'async_trait,
    {
        set_room(&mut store, &event);
        match event {
            // Before the engine puts the next slice into the tank, where that is why it calls.
            CallHook::CallingHost => {
                if let Some(fuel) = store.data().call_fuel {
                    tank::burn(&mut store, fuel);
                }
                tank::charge(store);
            }
            CallHook::ReturningFromWasm => tank::charge(store),
            CallHook::ReturningFromHost => {
                if let Some(fuel) = store.data_mut().refill.take() {
                    tank::fill(&mut store, fuel);
                }
                if store.data_mut().turn_is_over() {
                    return Box::pin(async {
                        give_up_turn().await;
                        Ok(())
                    });
                }
            }
            CallHook::CallingWasm => {}
        }
        Box::pin(GoOn)
    }
}

/// Done already.
struct GoOn;

impl Future for GoOn {
    type Output = wasmtime::Result<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

/// Lets others go first.
pub(super) async fn give_up_turn() {
    let mut given_up = false;
    poll_fn(|context| match std::mem::replace(&mut given_up, true) {
        true => Poll::Ready(()),
        false => {
            // Woken while it runs: it is preempted, and not waiting.
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
