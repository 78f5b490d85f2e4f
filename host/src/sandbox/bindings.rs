//! Generated from `wit/`. The types are written by hand in [`wire`](super::wire), so that bytes stay `Bytes`, and so
//! is the interface [`bytes`](super::host_calls::bytes).
#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "module",
    imports: {
        "rustyray:core/logging.log": async | trappable,
        "rustyray:core/objects.put": async | trappable,
        "rustyray:core/objects.get": async | trappable,
        "rustyray:core/objects.try-get": async | trappable,
        "rustyray:core/objects.wait": async | trappable,
        "rustyray:core/tasks.submit": async | trappable,
        "rustyray:core/actors.create": async | trappable,
        "rustyray:core/actors.call": async | trappable,
        "rustyray:core/streams.submit": async | trappable,
        "rustyray:core/streams.call": async | trappable,
        "rustyray:core/streams.next": async | trappable,
        "rustyray:core/streams.give": async | trappable,
        "rustyray:core/tasks.context": store | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "rustyray:core/types": super::wire,
        "rustyray:core/bytes": super::host_calls::bytes,
    },
});
