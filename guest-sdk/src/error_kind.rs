//! What kind of failure an error is.

use std::fmt;

use crate::host::types::ErrorKind as HostKind;

/// Declares the public enum beside the host's, so that the two cannot drift apart: a kind missing here does not compile.
macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)*) => {
        /// Why there is no value. Where Ray has a name for it, it is Ray's.
        ///
        /// ```no_run
        /// # use rustyray::prelude::*;
        /// # #[rustyray::remote] fn answer() -> u32 { 42 }
        /// # async fn example() -> Result<u32> {
        /// match answer.remote().get().timeout(Duration::from_secs(1)).await {
        ///     Err(error) if error.kind() == ErrorKind::GetTimeout => Ok(0),
        ///     other => other,
        /// }
        /// # }
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)*
        }

        impl ErrorKind {
            /// The name as the interface between guest and host spells it, such as `task-failed`.
            ///
            /// ```
            /// assert_eq!(rustyray::ErrorKind::OutOfFuel.name(), "out-of-fuel");
            /// ```
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            pub(crate) fn from_host(kind: HostKind) -> Self {
                match kind {
                    $(HostKind::$kind => Self::$kind,)*
                }
            }
        }
    };
}

error_kinds! {
    /// The program's own error: a function returned it.
    TaskFailed = "task-failed",
    /// The guest trapped: a panic, an abort, an invalid access, a stack overflow.
    WorkerCrashed = "worker-crashed",
    /// Cancelled by somebody who holds a reference to it, or with its parent.
    TaskCancelled = "task-cancelled",
    /// Past its deadline.
    TaskTimedOut = "task-timed-out",
    /// It burned its fuel.
    OutOfFuel = "out-of-fuel",
    /// It asked for more memory than its limit.
    OutOfMemory = "out-of-memory",
    /// It went beyond another of its limits; [`Error::limit`](crate::Error::limit) names it.
    LimitExceeded = "limit-exceeded",
    /// A task whose result was an argument failed.
    DependencyFailed = "dependency-failed",
    /// The value did not come in the time that the caller gave.
    GetTimeout = "get-timeout",
    /// The object store is at its byte limit.
    ObjectStoreFull = "object-store-full",
    /// The object store is full, and what it could write to disk has no room there.
    OutOfDisk = "out-of-disk",
    /// The object's bytes are gone and cannot be made again.
    ObjectLost = "object-lost",
    /// A stream was asked for the item after its last one.
    StreamEnded = "stream-ended",
    /// The actor ended: killed, its constructor failed, or it crashed more often than it may restart.
    ActorDied = "actor-died",
    /// The actor crashed during this call and is being restarted.
    ActorUnavailable = "actor-unavailable",
    /// There is no actor of this name.
    ActorNotFound = "actor-not-found",
    /// The name is taken by another actor.
    ActorNameTaken = "actor-name-taken",
    /// The module has no such task, actor, constructor or method.
    TaskNotFound = "task-not-found",
    /// Arguments of the wrong number or type, bytes that do not decode, or options that contradict each other.
    InvalidArgument = "invalid-argument",
    /// The host's queue of pending tasks is full: await some before submitting more.
    QueueFull = "queue-full",
    /// The actor's mailbox is full.
    PendingCallsLimitExceeded = "pending-calls-limit-exceeded",
    /// It asks for more CPUs or resources than the host has.
    TaskUnschedulable = "task-unschedulable",
    /// Every instance that the host may hold is waiting for a task that cannot start.
    InstancesExhausted = "instances-exhausted",
    /// What it waited for waits for it, so that neither would ever go on. The message names the circle.
    Deadlock = "deadlock",
    /// It asks for a capability that its parent does not hold.
    CapabilityDenied = "capability-denied",
    /// The host is shutting down.
    HostShutDown = "host-shut-down",
    /// The host failed: a bug, or the machine ran out of something.
    Internal = "internal",
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
