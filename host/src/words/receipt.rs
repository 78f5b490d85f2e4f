//! What a finished task leaves behind.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::error::ErrorKind;
use super::ids::TaskId;

/// The account of one finished task or actor call.
///
/// Serialised to JSON it is one line of the command line's `--receipts` file; times are nanoseconds.
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
    /// From submission to the start of the last attempt; `None` if it never started.
    #[serde(with = "optional_ns")]
    pub queued_for: Option<Duration>,
    /// From the start of the last attempt to the end.
    #[serde(with = "optional_ns")]
    pub ran_for: Option<Duration>,
    /// Attempts that were started.
    pub attempts: u32,
    /// Fuel burned by the last attempt. Of a task that was ended from outside it is counted in whole slices of
    /// [`FUEL_SLICE`](crate::limits::FUEL_SLICE), so up to one slice too low.
    pub fuel_used: u64,
    /// The most linear memory that it had at once, in bytes.
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
}

impl Receipt {
    /// When the last attempt started.
    pub fn started_at(&self) -> Option<SystemTime> {
        self.queued_for.map(|queued| self.queued_at + queued)
    }

    /// When it ended; `None` if it never started.
    pub fn ended_at(&self) -> Option<SystemTime> {
        Some(self.started_at()? + self.ran_for?)
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

mod optional_ns {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_nanos().min(u64::MAX.into()) as u64).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_nanos))
    }
}
