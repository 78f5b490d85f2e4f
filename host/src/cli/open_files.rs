//! How many open files the process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets it have as many as the system allows: each guest's folder, file and socket is one, and what is usual is 1,024. Where the system
/// wants less than it says, it stays as it was.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
