//! The open files of the process, of which guests leave it some: who opens a spill file, a socket or a module needs one as well, and
//! whoever runs out of them fails in the middle of something else.

use std::os::fd::AsRawFd;

use rustix::process::{Resource, getrlimit};

use crate::types::limits::DESCRIPTORS_KEPT;

/// May a guest open another one? The system gives out the lowest numbers first, so that whichever is the next one tells how many there are
/// at least, whoever opened them.
pub fn is_one_free() -> bool {
    let Some(most) = getrlimit(Resource::Nofile).current else { return true };
    let kept = DESCRIPTORS_KEPT.min(most / 4);
    std::io::pipe().is_ok_and(|(next, _)| (next.as_raw_fd() as u64) < most - kept)
}
