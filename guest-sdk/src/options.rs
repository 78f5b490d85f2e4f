//! How a task, a call or an actor is to run.

use std::time::Duration;

use crate::executor::reactor::nanoseconds;
use crate::host::types;

/// Names are at most this long at the boundary; a longer one would end the guest.
const NAME_BYTES_MAX: usize = 256;

/// How a task or a call is to run. What is not said comes from the function's declaration, then from the host.
///
/// Mostly met as `add.options().timeout(…).remote(…)`; on its own for [`Handle::with_options`](crate::Handle::with_options).
///
/// ```no_run
/// # use rustyray::prelude::*;
/// let options = TaskOptions::new().timeout(Duration::from_millis(500)).max_retries(0).num_cpus(0.5);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TaskOptions(types::TaskOptions);

impl Default for TaskOptions {
    fn default() -> Self {
        Self(NOTHING_SAID)
    }
}

const NOTHING_SAID: types::TaskOptions = types::TaskOptions {
    name: None,
    timeout_ns: None,
    fuel: None,
    fuel_share: None,
    memory_bytes: None,
    table_elements: None,
    output_bytes: None,
    max_retries: None,
    priority: None,
    cpu_milli: None,
    resources: Vec::new(),
    grants: None,
};

impl TaskOptions {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shown in logs, errors and receipts instead of the function's name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = Some(name.into());
        self
    }

    /// Wall-clock time from the start of the task. Never later than its parent's deadline.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout_ns = Some(nanoseconds(timeout));
        self
    }

    /// The fuel it may burn: about one for each wasm instruction.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.0.fuel = Some(fuel);
        self
    }

    /// Fuel that is taken out of the caller's own budget and becomes this task's. What it doesn't burn is not given back.
    pub fn fuel_share(mut self, fuel: u64) -> Self {
        self.0.fuel_share = Some(fuel);
        self
    }

    /// How large its memory may grow.
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.0.memory_bytes = Some(bytes);
        self
    }

    /// How large its tables may grow.
    pub fn table_elements(mut self, elements: u64) -> Self {
        self.0.table_elements = Some(elements);
        self
    }

    /// How much it may print and log.
    pub fn output_bytes(mut self, bytes: u64) -> Self {
        self.0.output_bytes = Some(bytes);
        self
    }

    /// How often to run again after a system failure: a trap, a limit, a timeout. An error that the function returns is
    /// none.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.0.max_retries = Some(retries);
        self
    }

    /// Higher first; 0 where nothing is said.
    pub fn priority(mut self, priority: i32) -> Self {
        self.0.priority = Some(priority);
        self
    }

    /// CPU slots that it holds while it runs, to three decimals.
    pub fn num_cpus(mut self, cpus: impl Into<f64>) -> Self {
        self.0.cpu_milli = Some(thousandths(cpus.into()));
        self
    }

    /// An amount of a custom resource that it holds while it runs, to three decimals.
    pub fn resource(mut self, name: impl Into<String>, amount: impl Into<f64>) -> Self {
        self.0.resources.push((name.into(), thousandths(amount.into())));
        self
    }

    /// The capabilities to keep, by name, such as `dir:/data:ro`. Without this, all that the parent has.
    pub fn grants<S: Into<String>>(mut self, grants: impl IntoIterator<Item = S>) -> Self {
        self.0.grants = Some(grants.into_iter().map(Into::into).collect());
        self
    }

    /// As the host takes them, once their names are known to be fit for it.
    pub(crate) fn checked(&self) -> Result<&types::TaskOptions, String> {
        let resources = self.0.resources.iter().map(|(name, _)| name);
        let grants = self.0.grants.iter().flatten();
        self.0.name.iter().chain(resources).chain(grants).try_for_each(|name| check_name(name))?;
        Ok(&self.0)
    }
}

/// How an actor is to live. The limits hold for its constructor and each call, memory for its life.
///
/// Mostly met as `Counter::options().name(…).remote(…)`.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// let options = rustyray::ActorOptions::new().name("global").max_restarts(3).detached();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ActorOptions {
    call: TaskOptions,
    name: Option<String>,
    max_restarts: Option<u32>,
    max_pending_calls: Option<u32>,
    detached: Option<bool>,
}

impl ActorOptions {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A name to find it by with [`get_actor`](crate::get_actor). Unique on the host.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How often it may be started again after a crash.
    pub fn max_restarts(mut self, restarts: u32) -> Self {
        self.max_restarts = Some(restarts);
        self
    }

    /// How many calls may wait for it; one more fails.
    pub fn max_pending_calls(mut self, calls: u32) -> Self {
        self.max_pending_calls = Some(calls);
        self
    }

    /// Lives until it is killed, whoever holds a handle.
    pub fn detached(mut self) -> Self {
        self.detached = Some(true);
        self
    }

    /// How often to run a call again after a system failure.
    pub fn max_task_retries(mut self, retries: u32) -> Self {
        self.call = self.call.max_retries(retries);
        self
    }

    crate::__delegate_task_options!(call);

    pub(crate) fn checked(&self) -> Result<types::ActorOptions, String> {
        self.name.iter().try_for_each(|name| check_name(name))?;
        Ok(types::ActorOptions {
            call: self.call.checked()?.clone(),
            name: self.name.clone(),
            max_restarts: self.max_restarts,
            max_pending_calls: self.max_pending_calls,
            detached: self.detached,
        })
    }
}

/// The setters that everything with task options in a field has besides.
#[doc(hidden)]
#[macro_export]
macro_rules! __delegate_task_options {
    ($field:tt) => {
        /// Wall-clock time from the start of a run. Never later than the parent's deadline.
        pub fn timeout(mut self, timeout: ::core::time::Duration) -> Self {
            self.$field = self.$field.timeout(timeout);
            self
        }

        /// The fuel that a run may burn: about one for each wasm instruction.
        pub fn fuel(mut self, fuel: u64) -> Self {
            self.$field = self.$field.fuel(fuel);
            self
        }

        /// Fuel that is taken out of the caller's own budget. What is not burned is not given back.
        pub fn fuel_share(mut self, fuel: u64) -> Self {
            self.$field = self.$field.fuel_share(fuel);
            self
        }

        /// How large the memory may grow.
        pub fn memory_bytes(mut self, bytes: u64) -> Self {
            self.$field = self.$field.memory_bytes(bytes);
            self
        }

        /// How large the tables may grow.
        pub fn table_elements(mut self, elements: u64) -> Self {
            self.$field = self.$field.table_elements(elements);
            self
        }

        /// How much a run may print and log.
        pub fn output_bytes(mut self, bytes: u64) -> Self {
            self.$field = self.$field.output_bytes(bytes);
            self
        }

        /// Higher first; 0 where nothing is said.
        pub fn priority(mut self, priority: i32) -> Self {
            self.$field = self.$field.priority(priority);
            self
        }

        /// CPU slots that are held during a run, to three decimals.
        pub fn num_cpus(mut self, cpus: impl ::core::convert::Into<f64>) -> Self {
            self.$field = self.$field.num_cpus(cpus);
            self
        }

        /// An amount of a custom resource that is held during a run, to three decimals.
        pub fn resource(
            mut self,
            name: impl ::core::convert::Into<::std::string::String>,
            amount: impl ::core::convert::Into<f64>,
        ) -> Self {
            self.$field = self.$field.resource(name, amount);
            self
        }

        /// The capabilities to keep, by name, such as `dir:/data:ro`. Without this, all that the parent has.
        pub fn grants<S: ::core::convert::Into<::std::string::String>>(
            mut self,
            grants: impl ::core::iter::IntoIterator<Item = S>,
        ) -> Self {
            self.$field = self.$field.grants(grants);
            self
        }
    };
}

/// Whether the host takes it as a name; it ends a guest that gives it another.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.len() > NAME_BYTES_MAX {
        return Err(format!("a name of {} bytes: at most {NAME_BYTES_MAX} are allowed", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("the name {name:?} contains control characters"));
    }
    Ok(())
}

/// Negative amounts and those that are not numbers become 0, those beyond the range its end: `as` saturates.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturating is what is wanted")]
fn thousandths(amount: f64) -> u32 {
    (amount * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_thousandths() {
        assert_eq!([1.0, 0.5, 0.0014, -1.0, f64::NAN].map(thousandths), [1000, 500, 1, 0, 0]);
        assert_eq!(TaskOptions::new().num_cpus(2).0.cpu_milli, Some(2000));
    }

    #[test]
    fn names_that_would_end_the_guest_are_refused_here() {
        assert!(TaskOptions::new().name("fine").checked().is_ok());
        assert!(TaskOptions::new().name("a\nb").checked().unwrap_err().contains("control characters"));
        assert!(TaskOptions::new().resource("x".repeat(257), 1).checked().unwrap_err().contains("257 bytes"));
        assert!(ActorOptions::new().name("\0").checked().is_err());
    }
}
