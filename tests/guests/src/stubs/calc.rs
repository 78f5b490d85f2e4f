//! The tasks and actors of the module `calc`, called as if they were here. They run where `module:calc` is granted, as
//! by `--with calc.wasm`.
//!
//! Written by `rustyray-host stubs`; do not edit. @generated
//!
//! Has to be in scope where this module stands: `Point`.

use super::Point;

::rustyray::stub! {
    /// Counts.
    actor Counter, CounterHandle, CounterOptions = "calc:Counter";
    constructors {
        /// Begins with nothing.
        fn remote() = "new";
        fn remote_starting_at(total: i32) = "starting_at";
    }
    methods {
        /// Adds, and gives the total.
        fn add(more: i32) -> ::rustyray::ObjectRef<i32> = "add";
        /// The numbers up to the total.
        fn up_to_total() -> ::rustyray::ObjectStream<i32> = "up_to_total";
        fn version() -> ::rustyray::ObjectRef<u32> = "version";
    }
}

::rustyray::stub! {
    /// Is not in the next version.
    actor Gone, GoneHandle, GoneOptions = "calc:Gone";
    constructors {
        fn remote() = "new";
    }
    methods {
        fn version() -> ::rustyray::ObjectRef<u32> = "version";
    }
}

::rustyray::stub! {
    /// Keeps its state when it moves to another version.
    actor Ledger, LedgerHandle, LedgerOptions = "calc:Ledger";
    constructors {
        fn remote() = "new";
    }
    methods {
        fn add(entry: u32) -> ::rustyray::ObjectRef<(u32, Vec<u32>)> = "add";
        /// Waits for a second before it adds.
        fn add_later(entry: u32) -> ::rustyray::ObjectRef<(u32, Vec<u32>)> = "add_later";
        /// Which version the tasks are that it submits to its own module.
        fn child() -> ::rustyray::ObjectRef<u32> = "child";
        fn crash() -> ::rustyray::ObjectRef<()> = "crash";
    }
}

::rustyray::stub! {
    /// Has another definition in the next version.
    actor Reshaped, ReshapedHandle, ReshapedOptions = "calc:Reshaped";
    constructors {
        fn remote() = "new";
    }
    methods {
        fn add(more: u32) -> ::rustyray::ObjectRef<(u32, u32)> = "add";
    }
}

::rustyray::stub! {
    /// Adds two numbers.
    fn add(a: i32, b: i32) -> ::rustyray::ObjectRef<i32> = "calc:add";
}

::rustyray::stub! {
    /// Which version it is, after another one.
    fn after(_earlier: (u32, u32)) -> ::rustyray::ObjectRef<u32> = "calc:after";
}

::rustyray::stub! {
    fn count(to: u32) -> ::rustyray::ObjectStream<u32> = "calc:count";
}

::rustyray::stub! {
    /// Quotient and rest.
    fn divided(a: u32, by: u32) -> (::rustyray::ObjectRef<u32>, ::rustyray::ObjectRef<String>) = "calc:divided";
}

::rustyray::stub! {
    /// Fails the first time, and is tried again a second later.
    fn flaky() -> ::rustyray::ObjectRef<u32> = "calc:flaky";
}

::rustyray::stub! {
    /// The capabilities that a task of this module holds, by name.
    fn held() -> ::rustyray::ObjectRef<Vec<String>> = "calc:held";
}

::rustyray::stub! {
    /// Declares less memory than the host allows.
    fn modest() -> ::rustyray::ObjectRef<usize> = "calc:modest";
}

::rustyray::stub! {
    fn moved(point: Point, by: (i32, i32)) -> ::rustyray::ObjectRef<Point> = "calc:moved";
}

::rustyray::stub! {
    /// Waits for a second, then says which version it is, and what it submits to its own module.
    fn patient() -> ::rustyray::ObjectRef<(u32, u32)> = "calc:patient";
}

::rustyray::stub! {
    fn totals(rows: Vec<(String, u64)>) -> ::rustyray::ObjectRef<::std::collections::BTreeMap<String, Option<u64>>> = "calc:totals";
}

::rustyray::stub! {
    /// Which version of the module runs.
    fn version() -> ::rustyray::ObjectRef<u32> = "calc:version";
}

/// `ops` of the module.
pub mod ops {
    ::rustyray::stub! {
        fn negated(n: i32) -> ::rustyray::ObjectRef<i32> = "calc:ops::negated";
    }
}
