//! Waits for copies of one reference, which the SDK refuses, and other guests need not.

mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        generate_all,
        inline: "
            package tests:copies;
            world guest {
                import rustyray:core/objects@0.1.0;
                import rustyray:core/tasks@0.1.0;
            }
        ",
    });
}

use std::time::Duration;

use bindings::rustyray::core::objects::{self, ObjectRef};
use bindings::rustyray::core::tasks;

/// What a task of this name will make.
pub fn submitted(function: &str) -> ObjectRef {
    tasks::submit(function, &[], None)
}

/// Waits for so many copies of one and for another, until `count` of them are there.
pub fn wait(one: &ObjectRef, copies: usize, other: Option<&ObjectRef>, count: usize, timeout: Option<Duration>) {
    let all: Vec<_> = std::iter::repeat_n(one, copies).chain(other).collect();
    let count = u32::try_from(count).expect("no list is so long");
    // Where it is refused the guest ends.
    objects::wait(&all, count, timeout.map(|time| time.as_nanos() as u64)).expect("there is nothing to refuse");
}
