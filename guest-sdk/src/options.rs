//! How a task, a call or an actor is to run.

mod actor;
mod delegate;

use std::time::Duration;

use crate::executor::reactor::nanoseconds;
use crate::host::types;

pub use actor::ActorOptions;

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
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TaskOptions(Option<Box<types::TaskOptions>>);

/// Most calls say nothing, and pass nothing on: the record is larger than all the rest of a call.
const NOTHING_SAID: types::TaskOptions = types::TaskOptions {
    name: None,
    timeout_ns: None,
    fuel: None,
    fuel_share: None,
    memory_bytes: None,
    table_elements: None,
    output_bytes: None,
    max_retries: None,
    retry_exceptions: None,
    retry_backoff_ns: None,
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
        self.said().name = Some(name.into());
        self
    }

    /// Wall-clock time from the start of the task. Never later than its parent's deadline.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.said().timeout_ns = Some(nanoseconds(timeout));
        self
    }

    /// The fuel it may burn: about one for each wasm instruction.
    pub fn fuel(mut self, fuel: u64) -> Self {
        self.said().fuel = Some(fuel);
        self
    }

    /// Fuel that is taken out of the caller's own budget and becomes this task's. What it doesn't burn is not given back.
    pub fn fuel_share(mut self, fuel: u64) -> Self {
        self.said().fuel_share = Some(fuel);
        self
    }

    /// How large its memory may grow.
    pub fn memory_bytes(mut self, bytes: u64) -> Self {
        self.said().memory_bytes = Some(bytes);
        self
    }

    /// How large its tables may grow.
    pub fn table_elements(mut self, elements: u64) -> Self {
        self.said().table_elements = Some(elements);
        self
    }

    /// How much it may print and log.
    pub fn output_bytes(mut self, bytes: u64) -> Self {
        self.said().output_bytes = Some(bytes);
        self
    }

    /// How often to run again after a system failure: a trap, a limit, a timeout. An error that the function returns is
    /// none, unless [`retry_exceptions`](Self::retry_exceptions) says so. What was cancelled is never run again.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.said().max_retries = Some(retries);
        self
    }

    /// Whether an error that the function returns counts like a system failure. Arguments that do not decode never do.
    pub fn retry_exceptions(mut self, retry: bool) -> Self {
        self.said().retry_exceptions = Some(retry);
        self
    }

    /// The rest before the second attempt; it doubles with each further one, up to a minute, and a quarter of it is left to
    /// chance. Zero is none; 10 ms where nothing is said.
    pub fn retry_backoff(mut self, base: Duration) -> Self {
        self.said().retry_backoff_ns = Some(nanoseconds(base));
        self
    }

    /// Higher first; 0 where nothing is said. A host may allow none above the caller's own.
    pub fn priority(mut self, priority: i32) -> Self {
        self.said().priority = Some(priority);
        self
    }

    /// CPU slots that it holds while it runs, to three decimals.
    pub fn num_cpus(mut self, cpus: impl Into<f64>) -> Self {
        self.said().cpu_milli = Some(thousandths(cpus.into()));
        self
    }

    /// An amount of a custom resource that it holds while it runs, to three decimals.
    pub fn resource(mut self, name: impl Into<String>, amount: impl Into<f64>) -> Self {
        self.said().resources.push((name.into(), thousandths(amount.into())));
        self
    }

    /// The capabilities to keep, by name, such as `dir:/data:ro`. Without this, all that the parent has.
    pub fn grants<S: Into<String>>(mut self, grants: impl IntoIterator<Item = S>) -> Self {
        self.said().grants = Some(grants.into_iter().map(Into::into).collect());
        self
    }

    fn said(&mut self) -> &mut types::TaskOptions {
        self.0.get_or_insert_with(|| Box::new(NOTHING_SAID))
    }

    /// As the host takes them, once their names are known to be fit for it. `None` when nothing was said.
    pub(crate) fn checked(&self) -> Result<Option<&types::TaskOptions>, String> {
        let Some(said) = self.0.as_deref() else { return Ok(None) };
        let resources = said.resources.iter().map(|(name, _)| name);
        let grants = said.grants.iter().flatten();
        said.name.iter().chain(resources).chain(grants).try_for_each(|name| check_name(name))?;
        Ok(Some(said))
    }

    /// The same as a record of its own.
    pub(crate) fn record(&self) -> Result<types::TaskOptions, String> {
        Ok(self.checked()?.cloned().unwrap_or(NOTHING_SAID))
    }
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
fn thousandths(amount: f64) -> u32 {
    (amount * 1000.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_thousandths() {
        assert_eq!([1.0, 0.5, 0.0014, -1.0, f64::NAN].map(thousandths), [1000, 500, 1, 0, 0]);
        assert_eq!(TaskOptions::new().num_cpus(2).record().unwrap().cpu_milli, Some(2000));
    }

    #[test]
    fn names_that_would_end_the_guest_are_refused_here() {
        assert!(TaskOptions::new().checked().unwrap().is_none());
        assert!(TaskOptions::new().name("fine").checked().unwrap().is_some());
        assert!(TaskOptions::new().name("a\nb").checked().unwrap_err().contains("control characters"));
        assert!(TaskOptions::new().resource("x".repeat(257), 1).checked().unwrap_err().contains("257 bytes"));
        assert!(ActorOptions::new().name("\0").checked().is_err());
    }
}
