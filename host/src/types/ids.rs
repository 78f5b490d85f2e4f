//! Numbers that name things. Unique within one host, never reused.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                $name(number)
            }
        }
    };
}

id!(
    /// A task, or one call of an actor's method.
    TaskId
);
id!(
    /// An object in the object store.
    ObjectId
);
id!(
    /// An actor.
    ActorId
);
id!(
    /// A loaded module.
    ModuleId
);

/// Hands out the numbers of one kind, from 1.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The next number.
    pub fn next<T: From<u64>>(&self) -> T {
        T::from(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
