//! An actor's instance that serves several calls at once.

use std::sync::Arc;

use crate::state::actor::concurrent_calls::ConcurrentCalls;

/// The calls that a guest serves at once.
pub struct Serving {
    pub concurrent_calls: Arc<ConcurrentCalls>,
    /// Does the fuel that burns count for the call that ran last?
    pub metered: bool,
    /// Is it between two calls?
    pub between: bool,
}
