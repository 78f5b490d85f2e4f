//! How a task is to run: what its caller said, over what was declared, over what a host would do.

use crate::bindings::rustyray::core::types::{ActorOptions, TaskOptions};
use crate::sim::manifest::{ActorType, Function};

/// The rest before a second attempt where nothing is said, as on a host.
const RETRY_BACKOFF_NS: u64 = 10_000_000;

/// The longest rest between two attempts, as on a host.
const RETRY_BACKOFF_MAX_NS: u64 = 60_000_000_000;

/// The options that mean something without a sandbox.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) name: Option<String>,
    pub(crate) timeout: Option<u64>,
    pub(crate) max_retries: u32,
    pub(crate) retry_exceptions: bool,
    retry_backoff: u64,
    pub(crate) priority: i32,
    /// It can neither create nor find actors, nor can what it submits.
    pub(crate) pure: bool,
}

/// What one of those who have a say in it said.
#[derive(Default)]
struct Said {
    name: Option<String>,
    timeout: Option<u64>,
    max_retries: Option<u32>,
    retry_exceptions: Option<bool>,
    retry_backoff: Option<u64>,
    priority: Option<i32>,
}

impl Said {
    fn with(options: &TaskOptions) -> Self {
        Self {
            name: options.name.clone(),
            timeout: options.timeout_ns,
            max_retries: options.max_retries,
            retry_exceptions: options.retry_exceptions,
            retry_backoff: options.retry_backoff_ns,
            priority: options.priority,
        }
    }

    /// What is not said here is as `other` says. A name is for one alone.
    fn of_actors(declared: Option<&ActorType>) -> Self {
        declared.map(|declared| Self::with(&declared.options.call)).unwrap_or_default()
    }

    fn over(self, other: Self) -> Self {
        Self {
            name: self.name,
            timeout: self.timeout.or(other.timeout),
            max_retries: self.max_retries.or(other.max_retries),
            retry_exceptions: self.retry_exceptions.or(other.retry_exceptions),
            retry_backoff: self.retry_backoff.or(other.retry_backoff),
            priority: self.priority.or(other.priority),
        }
    }

    /// A guest puts what it submits before others no more than it was itself.
    fn plan(self, caller: &Plan, pure: bool) -> Plan {
        Plan {
            name: self.name,
            timeout: self.timeout,
            max_retries: self.max_retries.unwrap_or(0),
            retry_exceptions: self.retry_exceptions.unwrap_or(false),
            retry_backoff: self.retry_backoff.unwrap_or(RETRY_BACKOFF_NS),
            priority: self.priority.unwrap_or(0).min(caller.priority.max(0)),
            pure: pure || caller.pure,
        }
    }
}

impl Plan {
    /// Of a task.
    pub(crate) fn task(options: Option<&TaskOptions>, declared: &Function, caller: &Plan) -> Self {
        let said = options.map(Said::with).unwrap_or_default();
        said.over(Said::with(&declared.options)).plan(caller, declared.pure)
    }

    /// Of an actor's construction. It is not tried again: an actor that cannot be made is dead.
    pub(crate) fn construction(options: &ActorOptions, declared: Option<&ActorType>, caller: &Plan) -> Self {
        let said = Said::with(&options.call).over(Said::of_actors(declared));
        Plan { max_retries: 0, ..said.plan(caller, false) }
    }

    /// Of a call.
    pub(crate) fn call(
        options: Option<&TaskOptions>,
        actor: &ActorOptions,
        declared: Option<&ActorType>,
        caller: &Plan,
    ) -> Self {
        let said = options.map(Said::with).unwrap_or_default();
        let of_actor = Said::with(&actor.call).over(Said::of_actors(declared));
        said.over(of_actor).plan(caller, false)
    }

    /// Nanoseconds from the failure of an attempt (1 for the first) to the next one. As on a host, but that nothing is
    /// left to chance.
    pub(crate) fn rest_after(&self, attempt: u32) -> u64 {
        let doubled =
            1u64.checked_shl(attempt.saturating_sub(1)).and_then(|times| self.retry_backoff.checked_mul(times));
        let longest = if self.retry_backoff == 0 { 0 } else { RETRY_BACKOFF_MAX_NS };
        doubled.map_or(longest, |doubled| doubled.min(RETRY_BACKOFF_MAX_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_the_longest() {
        let rests = |base| {
            [1, 2, 3, 40, 70, u32::MAX]
                .map(|attempt| Plan { retry_backoff: base, ..Plan::default() }.rest_after(attempt))
        };
        let longest = RETRY_BACKOFF_MAX_NS;
        assert_eq!(rests(10), [10, 20, 40, longest, longest, longest]);
        assert_eq!(rests(0), [0; 6]);
    }
}
