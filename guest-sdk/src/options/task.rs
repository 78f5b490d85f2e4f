//! How a task or a call is to run.

use std::time::Duration;

use super::name::check_name;
use crate::host::{nanoseconds, types};

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
pub struct TaskOptions(Option<Box<Said>>);

#[derive(Clone, Debug)]
struct Said {
    options: types::TaskOptions,
    /// What is wrong with an amount that was said first.
    fault: Option<String>,
}

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

    /// CPU slots that it holds while it runs, to three decimals. Its call fails with `InvalidArgument` if that is less than none, no
    /// number, or nothing once it is rounded.
    pub fn num_cpus(self, cpus: impl Into<f64>) -> Self {
        self.amount("num_cpus", cpus.into(), |said, milli| said.cpu_milli = Some(milli))
    }

    /// An amount of a custom resource that it holds while it runs, to three decimals. Its call fails like one with
    /// [`num_cpus`](Self::num_cpus), and if a resource is named twice.
    pub fn resource(self, name: impl Into<String>, amount: impl Into<f64>) -> Self {
        let name = name.into();
        if self.0.iter().flat_map(|said| &said.options.resources).any(|(other, _)| *other == name) {
            return self.wrong(format!("the resource {name:?} is named twice"));
        }
        let what = format!("the resource {name:?}");
        self.amount(&what, amount.into(), |said, milli| said.resources.push((name, milli)))
    }

    fn amount(mut self, what: &str, amount: f64, say: impl FnOnce(&mut types::TaskOptions, u32)) -> Self {
        match thousandths(amount) {
            Ok(milli) => {
                say(self.said(), milli);
                self
            }
            Err(why) => self.wrong(format!("{what} is {amount}: {why}")),
        }
    }

    fn wrong(mut self, fault: String) -> Self {
        self.said();
        if let Some(said) = &mut self.0 {
            said.fault.get_or_insert(fault);
        }
        self
    }

    /// The capabilities to keep, by name, such as `dir:/data:ro`. Without this, all that the parent has.
    pub fn grants<S: Into<String>>(mut self, grants: impl IntoIterator<Item = S>) -> Self {
        self.said().grants = Some(grants.into_iter().map(Into::into).collect());
        self
    }

    fn said(&mut self) -> &mut types::TaskOptions {
        &mut self.0.get_or_insert_with(|| Box::new(Said { options: NOTHING_SAID, fault: None })).options
    }

    /// As the host takes them, once their names and amounts are known to be fit for it. `None` when nothing was said.
    pub(crate) fn checked(&self) -> Result<Option<&types::TaskOptions>, String> {
        let Some(Said { options: said, fault }) = self.0.as_deref() else { return Ok(None) };
        if let Some(fault) = fault {
            return Err(fault.clone());
        }
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

/// # Errors
/// Why it is no amount.
fn thousandths(amount: f64) -> Result<u32, &'static str> {
    let milli = (amount * 1000.0).round();
    match () {
        () if amount.is_nan() || amount < 0.0 => Err("an amount is 0 or more"),
        () if amount > 0.0 && milli == 0.0 => Err("an amount has three decimals, and this one would be nothing"),
        () if milli > f64::from(u32::MAX) => Err("an amount is at most 4294967.295"),
        () => Ok(milli as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_thousandths() {
        assert_eq!([0.0, 1.0, 0.5, 0.0014, 4_294_967.295].map(thousandths), [0, 1000, 500, 1, u32::MAX].map(Ok));
        for wrong in [-1.0, -0.0001, f64::NAN, 0.0004, 4_294_967.3, f64::INFINITY] {
            assert!(thousandths(wrong).is_err(), "{wrong}");
            for options in [TaskOptions::new().num_cpus(wrong), TaskOptions::new().resource("gpu", wrong).num_cpus(1)] {
                let refused = options.checked().unwrap_err();
                assert!(refused.contains(&format!(" is {wrong}: an amount")), "{refused}");
            }
        }
        let twice = TaskOptions::new().resource("gpu", 1).resource("disk", 1).resource("gpu", 1);
        assert_eq!(twice.checked().unwrap_err(), r#"the resource "gpu" is named twice"#);
        assert_eq!(TaskOptions::new().num_cpus(2).record().unwrap().cpu_milli, Some(2000));
    }

    #[test]
    fn names_that_would_end_the_guest_are_refused_here() {
        assert!(TaskOptions::new().checked().unwrap().is_none());
        assert!(TaskOptions::new().name("fine").checked().unwrap().is_some());
        assert!(TaskOptions::new().name("a\nb").checked().unwrap_err().contains("control characters"));
        assert!(TaskOptions::new().resource("x".repeat(257), 1).checked().unwrap_err().contains("257 bytes"));
        assert!(crate::ActorOptions::new().name("\0").checked().is_err());
    }
}
