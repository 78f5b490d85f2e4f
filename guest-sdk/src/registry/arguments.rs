//! Reading the arguments of a call.

use std::vec::IntoIter;

use serde::de::DeserializeOwned;

use super::outcome::{Outcome, invalid};
use crate::codec;
use crate::host::types::Payload;

/// The arguments of a call, on their way to a function.
#[derive(Debug)]
pub struct Arguments {
    payloads: IntoIter<Payload>,
    count: usize,
}

impl Arguments {
    pub(crate) fn new(payloads: Vec<Payload>) -> Self {
        Self { count: payloads.len(), payloads: payloads.into_iter() }
    }

    /// Refuses a call with too few or too many.
    ///
    /// # Errors
    /// When there are not `wanted` of them.
    pub fn expect(&self, wanted: usize) -> Outcome<()> {
        if self.count == wanted {
            return Ok(());
        }
        let plural = if wanted == 1 { "" } else { "s" };
        Err(invalid(format!("{wanted} argument{plural} wanted, {} given", self.count)))
    }

    /// The next one.
    ///
    /// # Errors
    /// When its bytes are no `T`.
    pub fn read<T: DeserializeOwned + 'static>(&mut self, name: &str) -> Outcome<T> {
        let payload = self.payloads.next().ok_or_else(|| invalid(format!("argument `{name}` is missing")))?;
        codec::decode(payload).map_err(|reason| invalid(format!("argument `{name}` is {reason}")))
    }
}
