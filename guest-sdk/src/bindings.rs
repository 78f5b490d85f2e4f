//! What wit-bindgen makes of `wit/`. Nothing else in this crate is unsafe but the symbols that `export.rs` makes of it.

#![allow(unsafe_code, reason = "the canonical ABI is made of raw pointers; the generator vouches for its code")]
#![allow(
    missing_docs,
    dead_code,
    unused_imports,
    clippy::all,
    reason = "generated: what a module does not use is there as well"
)]

wit_bindgen::generate!({
    world: "serving-module",
    path: "../wit",
    default_bindings_module: "rustyray::bindings",
    // The derives that the options and errors of the SDK are built from.
    additional_derives: [Clone, PartialEq],
    additional_derives_ignore: ["object-ref", "actor-ref", "stream-ref", "writer", "payload", "reference", "argument", "call", "event"],
});
