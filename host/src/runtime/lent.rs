//! Bytes that an embedder lent: their end may be a function of his.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::Runtime;
use super::observers::Guard;

/// Gives them back on a thread that may wait.
pub(super) struct Returns {
    pub tokio: Handle,
    pub guard: Guard,
}

/// Bytes that whoever holds them last gives back.
struct Lent {
    bytes: Bytes,
    returns: Arc<Returns>,
}

impl Runtime {
    /// Bytes that any thread may drop: it does not wait for their owner.
    pub(crate) fn borrowed(&self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Lent { bytes, returns: self.returns.clone() })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (bytes, returns) = (mem::take(&mut self.bytes), self.returns.clone());
        let given_back = move || {
            returns.guard.call(|| drop(bytes));
        };
        // After the end of the host there is no such thread, and it is dropped here.
        drop(self.returns.tokio.spawn_blocking(given_back));
    }
}
