//! Why something that runs is ended from outside.

/// Why what runs in a frame is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Cancelled,
    Deadline,
    ActorKilled,
    HostShutDown,
}
