//! A guest's turn, and what the engine may take out of it.

use std::time::Instant;

/// A guest's turn, as far as host calls know.
#[derive(Default)]
pub struct Turn {
    /// Host calls since the last look at the clock.
    pub calls: u32,
    /// Host calls that may pass without one: fewer where they take long.
    pub calls_a_look: u32,
    /// How often the task had given up its turn before, and since when it has this one.
    pub begun: Option<(u64, Instant)>,
}

/// What the engine may take out of a guest for a result that becomes values: no more than there is room for. When it does so is known
/// by what comes before it, which is the return of the guest's function.
#[derive(Clone, Copy)]
pub struct ResultRoom {
    /// Bytes that it may take out for any other call.
    pub for_others: usize,
    /// Bytes of memory for each that it takes out.
    pub bytes_each: usize,
}
