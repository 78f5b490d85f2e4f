//! What a program exports to its host: the interfaces `guest` and `server`, over the registry.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::EXPORTS;
