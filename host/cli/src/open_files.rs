//! How many open files the process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More are of no use, and where a system allows a thousand times as many, programs that are started from here and close all of them at
/// first would take long for that.
const MOST: u64 = 1 << 20;

/// Lets it have as many as the system allows: each guest's folder, file and socket is one, and what is usual is 1,024. Where the system
/// wants less than it says, it stays as it was.
pub fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST).min(MOST);
    if current.is_some_and(|current| current < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}
