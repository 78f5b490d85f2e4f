//! What a finished task leaves behind.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::budget::BudgetUse;
use super::error::ErrorKind;
use super::ids::TaskId;
use super::limits::TEXT_BYTES;

/// The account of one finished task or actor call, one however many attempts it took: fuel, memory and the start are those
/// of the last attempt, bytes, output and host calls those of all together.
///
/// Serialised to JSON it is one line of the command line's `--receipts` file; times are nanoseconds since
/// 1970.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The task.
    pub task_id: TaskId,
    /// Its parent, if another task submitted it.
    pub parent: Option<TaskId>,
    /// The name given with the options, else the function's.
    pub task: Arc<str>,
    /// The module's name.
    pub module: Arc<str>,
    /// The function, or `Actor.method`.
    pub function: Arc<str>,
    /// How it ended: `None` is a value.
    pub error: Option<ErrorKind>,
    /// When it was submitted.
    #[serde(with = "unix_ns")]
    pub queued_at: SystemTime,
    /// When the last attempt started; `None` if none did.
    #[serde(with = "optional_unix_ns")]
    pub started_at: Option<SystemTime>,
    /// When it ended.
    #[serde(with = "unix_ns")]
    pub ended_at: SystemTime,
    /// Attempts that were started.
    pub attempts: u32,
    /// Fuel burned by the last attempt; of a task that was ended from outside, up to where it last called the host, or yielded
    /// after a slice.
    pub fuel_used: u64,
    /// The most memory that it had at once, in bytes: linear memory, and what the host kept for its handles, waits, directories and values.
    pub memory_peak_bytes: u64,
    /// Bytes of its arguments, and of objects that it read.
    pub bytes_in: u64,
    /// Bytes of its result, of objects that it stored, and of arguments that it passed on.
    pub bytes_out: u64,
    /// Bytes that it wrote to its output and log.
    pub output_bytes: u64,
    /// Calls of `rustyray:core` functions that it made.
    pub host_calls: u64,
    /// Capabilities that it asked for and was refused, by name; the first
    /// [`REFUSALS_MAX`](crate::limits::REFUSALS_MAX).
    pub refused: Vec<String>,
    /// Nothing ran: it is [pure](crate::FunctionInfo::pure), and its result was in the journal.
    #[serde(default)]
    pub memo: bool,
    /// Of its [budget](crate::Budget), where it had one: what it and the others had used together when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Box<BudgetUse>>,
}

impl Receipt {
    /// Bytes that the host keeps of its texts, where those are its own.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let name = if Arc::ptr_eq(&self.task, &self.function) { 0 } else { self.task.len() as u64 };
        let refused = self.refused.iter().map(|name| name.len() as u64 + TEXT_BYTES).sum::<u64>();
        let budget = self.budget.as_ref().map_or(0, |_| size_of::<BudgetUse>() as u64);
        name + refused + budget
    }

    /// From submission to the start of the last attempt; `None` if none started.
    pub fn queued_for(&self) -> Option<Duration> {
        self.started_at?.duration_since(self.queued_at).ok()
    }

    /// From the start of the last attempt to the end; `None` if none started.
    pub fn ran_for(&self) -> Option<Duration> {
        self.ended_at.duration_since(self.started_at?).ok()
    }
}

mod unix_ns {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        serializer.serialize_u64(since.as_nanos().min(u64::MAX.into()) as u64)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        Ok(UNIX_EPOCH + Duration::from_nanos(u64::deserialize(deserializer)?))
    }
}

mod optional_unix_ns {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct At(#[serde(with = "super::unix_ns")] SystemTime);

    pub fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(At).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<At>::deserialize(deserializer)?.map(|at| at.0))
    }
}
