//! The tank: the fuel that a guest may burn, and who is charged for what is gone of it.
//!
//! It is charged where the guest hands the thread to the host (`host_call_yield.rs`): when it calls a function of the host's, when it has
//! burned a slice (its code then calls the engine, to yield), and when it returns or traps. So all that it has burned is on its
//! account before it waits for anything, and a wait adds nothing.

use wasmtime::{AsContextMut, StoreContextMut};

use super::guest::Guest;

/// Puts so much into the tank, instead of what is left there.
pub(super) fn fill(mut store: impl AsContextMut<Data = Guest>, fuel: u64) {
    let mut store = store.as_context_mut();
    // Fuel is enabled in every engine of this host, so that it can be set.
    let _ = store.set_fuel(fuel);
    store.data_mut().tank = fuel;
}

/// Burns so much of what is in the tank, or the rest.
pub(super) fn burn(store: &mut StoreContextMut<'_, Guest>, fuel: u64) {
    let Ok(left) = store.get_fuel() else { return };
    let _ = store.set_fuel(left.saturating_sub(fuel));
}

/// Charges for what is gone since the last look.
pub(super) fn charge(mut store: StoreContextMut<'_, Guest>) {
    let Ok(left) = store.get_fuel() else { return };
    let guest = store.data_mut();
    let burned = std::mem::replace(&mut guest.tank, left).saturating_sub(left);
    guest.burned(burned);
}

impl Guest {
    fn burned(&self, fuel: u64) {
        let task = self.task();
        match self.runs_for_nobody() {
            // Somebody pays.
            true => task.spec.budget.iter().for_each(|budget| budget.burn(fuel)),
            false => task.meter().burn(fuel),
        }
    }
}
