//! What tasks may use together, with all that they submit.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::{ErrorKind, TaskError};

/// The limits of a [`Budget`]. What is left out is not limited.
///
/// ```
/// use std::time::Duration;
/// use rustyray_host::BudgetLimits;
/// let limits = BudgetLimits { fuel: Some(1_000_000_000), tasks: Some(100), ..BudgetLimits::default() };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLimits {
    /// Fuel of all of it together, about one unit an instruction. Default: no limit.
    pub fuel: Option<u64>,
    /// Bytes of linear memory of all that lives at the same moment, tasks and actors. Default: no limit.
    pub memory_bytes: Option<u64>,
    /// Time from the first submission on; what is not done by then is ended. Default: no limit.
    pub time: Option<Duration>,
    /// Submissions: tasks, calls, actors, and each time that an actor starts again. Another attempt of a task is none. Default: no limit.
    pub tasks: Option<u64>,
}

/// What has been used of a [`Budget`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetUse {
    /// Fuel that was burned. Of what runs it is counted when that calls the host, waits, or has burned another slice of
    /// [`FUEL_SLICE`](crate::limits::FUEL_SLICE); to the unit once all have returned.
    pub fuel: u64,
    /// Bytes of linear memory that there are now.
    pub memory_bytes: u64,
    /// The most that there were at once.
    pub memory_peak_bytes: u64,
    /// Submissions, and starts of actors after the first.
    pub tasks: u64,
}

/// What some tasks may use together, with all that they submit, and so on down the tree: the tasks that it is
/// [given to](crate::TaskOptions::budget). A clone is the same budget.
///
/// Beyond its fuel guests end with [`OutOfFuel`](ErrorKind::OutOfFuel), up to a slice of fuel late for each that runs; beyond its
/// memory the one that asks for more ends with [`OutOfMemory`](ErrorKind::OutOfMemory); beyond its tasks a submission fails with
/// [`LimitExceeded`](ErrorKind::LimitExceeded); past its time what is left ends, tasks with
/// [`TaskTimedOut`](ErrorKind::TaskTimedOut), and calls of actors when they were asked to stop and their grace is over. The
/// error's [`limit`](TaskError::limit) says which it was: `budget-fuel`, `budget-memory-bytes`, `budget-time-ns`, `budget-tasks`. An actor that was
/// created within a budget has its memory and its starts on it; a call is on the budget of who calls.
///
/// ```
/// # async fn example(host: rustyray_host::Host, module: rustyray_host::Module) {
/// use rustyray_host::{Budget, BudgetLimits, TaskOptions};
/// let budget = Budget::new(BudgetLimits { fuel: Some(1_000_000_000), ..BudgetLimits::default() });
/// for text in ["one", "two"] {
///     let options = TaskOptions::new().budget(&budget);
///     let task = module.task("render").arg(text).options(options).submit().await;
///     let _ = host.get::<String>(&task).await;
/// }
/// println!("{} of fuel", budget.used().fuel);
/// # }
/// ```
#[derive(Clone)]
pub struct Budget(Arc<Account>);

struct Account {
    limits: BudgetLimits,
    fuel: AtomicU64,
    memory_bytes: AtomicU64,
    memory_peak_bytes: AtomicU64,
    tasks: AtomicU64,
    deadline: OnceLock<Option<Instant>>,
}

impl Budget {
    /// A budget of which nothing is used.
    pub fn new(limits: BudgetLimits) -> Self {
        Budget(Arc::new(Account {
            limits,
            fuel: AtomicU64::new(0),
            memory_bytes: AtomicU64::new(0),
            memory_peak_bytes: AtomicU64::new(0),
            tasks: AtomicU64::new(0),
            deadline: OnceLock::new(),
        }))
    }

    /// Its limits.
    pub fn limits(&self) -> &BudgetLimits {
        &self.0.limits
    }

    /// What has been used of it by now.
    pub fn used(&self) -> BudgetUse {
        BudgetUse {
            fuel: self.0.fuel.load(Ordering::Relaxed),
            memory_bytes: self.0.memory_bytes.load(Ordering::Relaxed),
            memory_peak_bytes: self.0.memory_peak_bytes.load(Ordering::Relaxed),
            tasks: self.0.tasks.load(Ordering::Relaxed),
        }
    }

    /// One more submission.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(crate) fn submit(&self) -> Result<(), TaskError> {
        let limit = self.0.limits.tasks.unwrap_or(u64::MAX);
        match add(&self.0.tasks, 1, limit) {
            Ok(_) => Ok(()),
            Err(used) => {
                Err(TaskError::of_limit(ErrorKind::LimitExceeded, "budget-tasks", limit, used.saturating_add(1)))
            }
        }
    }

    /// The submission was refused for another reason.
    pub(crate) fn take_back(&self) {
        self.0.tasks.fetch_sub(1, Ordering::Relaxed);
    }

    /// When its time is over. It begins with the first who asks.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        *self.0.deadline.get_or_init(|| now.checked_add(self.0.limits.time?))
    }

    /// The end of a task at that moment.
    pub(crate) fn time_is_over(&self, now: Instant) -> Option<TaskError> {
        let (limit, at) = (self.0.limits.time?, self.deadline(now)?);
        let used = limit + now.saturating_duration_since(at);
        let nanos = |time: Duration| time.as_nanos().min(u64::MAX.into()) as u64;
        let mut error = TaskError::of_limit(ErrorKind::TaskTimedOut, "budget-time-ns", nanos(limit), nanos(used));
        error.message = format!("its budget had {limit:?}, and it was ended after {used:.1?} of that");
        Some(error)
    }

    /// What is left of its fuel; `None` where that is not limited.
    pub(crate) fn fuel_left(&self) -> Option<u64> {
        Some(self.0.limits.fuel?.saturating_sub(self.0.fuel.load(Ordering::Relaxed)))
    }

    /// So much more fuel was burned.
    pub(crate) fn burn(&self, fuel: u64) {
        self.0.fuel.fetch_add(fuel, Ordering::Relaxed);
    }

    /// Is all of its fuel burned?
    pub(crate) fn is_burned(&self) -> bool {
        self.fuel_left() == Some(0)
    }

    /// The error of a guest for which it has no fuel left.
    pub(crate) fn out_of_fuel(&self) -> TaskError {
        let limit = self.0.limits.fuel.unwrap_or(u64::MAX);
        TaskError::of_limit(ErrorKind::OutOfFuel, "budget-fuel", limit, self.used().fuel)
    }

    /// A guest's memory grows by so much.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(crate) fn grow(&self, bytes: u64) -> Result<(), TaskError> {
        let limit = self.0.limits.memory_bytes.unwrap_or(u64::MAX);
        match add(&self.0.memory_bytes, bytes, limit) {
            Ok(total) => {
                self.0.memory_peak_bytes.fetch_max(total, Ordering::Relaxed);
                Ok(())
            }
            Err(used) => Err(TaskError::of_limit(
                ErrorKind::OutOfMemory,
                "budget-memory-bytes",
                limit,
                used.saturating_add(bytes),
            )),
        }
    }

    /// A guest's memory is gone.
    pub(crate) fn shrink(&self, bytes: u64) {
        self.0.memory_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The new sum; or what it is, where it would be more than the limit.
fn add(sum: &AtomicU64, more: u64, limit: u64) -> Result<u64, u64> {
    let grown = |sum: u64| sum.checked_add(more).filter(|total| *total <= limit);
    sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).map(|before| before + more)
}

impl PartialEq for Budget {
    /// The same one?
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("limits", self.limits()).field("used", &self.used()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_beyond_a_limit_and_what_is_not_limited_is_counted() {
        let limits = BudgetLimits { memory_bytes: Some(100), tasks: Some(1), ..BudgetLimits::default() };
        let budget = Budget::new(limits);
        assert!(budget.submit().is_ok());
        let refused = budget.submit().unwrap_err();
        assert_eq!((refused.kind, refused.limit.as_ref().unwrap().used), (ErrorKind::LimitExceeded, 2));
        budget.take_back();
        assert!(budget.submit().is_ok());
        assert!(budget.grow(60).is_ok() && budget.grow(40).is_ok());
        assert_eq!(budget.grow(1).unwrap_err().kind, ErrorKind::OutOfMemory);
        assert!(budget.grow(u64::MAX).is_err());
        budget.shrink(40);
        budget.burn(900);
        let used = BudgetUse { fuel: 900, memory_bytes: 60, memory_peak_bytes: 100, tasks: 1 };
        assert_eq!((budget.used(), budget.fuel_left(), budget.is_burned()), (used, None, false));
    }

    #[test]
    fn its_time_begins_once_and_its_fuel_ends() {
        let limits = BudgetLimits { fuel: Some(10), time: Some(Duration::from_secs(1)), ..BudgetLimits::default() };
        let (budget, now) = (Budget::new(limits), Instant::now());
        let end = budget.deadline(now).unwrap();
        assert_eq!(
            (end - now, budget.clone().deadline(now + Duration::from_secs(9))),
            (Duration::from_secs(1), Some(end))
        );
        budget.burn(9);
        assert_eq!((budget.fuel_left(), budget.is_burned()), (Some(1), false));
        budget.burn(9);
        assert_eq!((budget.fuel_left(), budget.is_burned()), (Some(0), true));
        assert_eq!(budget.out_of_fuel().limit.unwrap().used, 18);
    }
}
