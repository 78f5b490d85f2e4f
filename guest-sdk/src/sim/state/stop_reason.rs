//! Why something that runs is ended from outside.

/// Why what runs in an instance is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopReason {
    Cancelled,
    Deadline,
    ActorKilled,
    HostShutDown,
}
