//! What a guest can ask of its host: the functions of the interface, one module each.

/// Notes what the host was asked, and with which options, for this crate's own tests.
macro_rules! called {
    ($options:ident; $($text:tt)+) => {
        #[cfg(test)]
        crate::sim::runtime::recorder::note_options($options);
        called!($($text)+);
    };
    ($($text:tt)+) => {
        #[cfg(test)]
        crate::sim::runtime::recorder::note(format!($($text)+));
    };
}

pub(crate) mod actors;
pub(crate) mod bytes;
pub(crate) mod calls;
pub(crate) mod logging;
pub(crate) mod objects;
pub(crate) mod streams;
pub(crate) mod tasks;

/// Looks at what may have happened, between two waits, after which others have their turn first: a join has one for
/// each of its parts.
const LOOKS_FREE: u32 = 100;
