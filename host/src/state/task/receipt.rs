//! What is told of a task: its receipt, and the error that it ended with.

use std::sync::Arc;
use std::time::Instant;

use super::TaskRecord;
use crate::types::clock::Moment;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::STILL_CLOCK_LOOKS;
use crate::types::receipt::Receipt;

impl TaskRecord {
    /// The account of the task, ended now.
    pub(super) fn receipt(
        &self,
        error: Option<ErrorKind>,
        started: Option<Instant>,
        attempts: u32,
        parent: Option<&Arc<TaskRecord>>,
        now: Moment,
    ) -> Receipt {
        let spec = &self.spec;
        Receipt {
            task_id: spec.id,
            parent: parent.map(|parent| parent.spec.id),
            task: spec.plan.name.clone(),
            module: spec.module.name.clone(),
            function: spec.plan.function.clone(),
            error,
            queued_at: now.wall_at(spec.queued),
            started_at: started.map(|at| now.wall_at(at)),
            ended_at: now.wall,
            attempts,
            fuel_used: self.meter().fuel_used(),
            memory_peak_bytes: self.meter().memory_peak_bytes.get(),
            bytes_in: self.meter().bytes_in.get(),
            bytes_out: self.meter().bytes_out.get(),
            output_bytes: self.meter().output_bytes.get(),
            host_calls: self.meter().host_calls.get(),
            refused: self.meter().refused(),
            memo: self.meter().is_memo(),
            budget: spec.budget.as_ref().map(|budget| Box::new(budget.used())),
        }
    }

    /// Completes an error with what is known of the task.
    pub fn describe(&self, mut error: TaskError) -> TaskError {
        let spec = &self.spec;
        error.task = spec.plan.name.to_string();
        error.task_id = spec.id;
        error.attempt = self.attempt();
        error.module = spec.module.name.to_string();
        error.function = spec.plan.function.to_string();
        if error.kind.is_system_failure() && error.panic.is_none() {
            error.panic = self.meter().stderr_tail();
        }
        if matches!(error.kind, ErrorKind::TaskTimedOut | ErrorKind::OutOfFuel) {
            error.message.extend(self.still_clock());
        }
        error
    }

    /// What to say of a task that waited for the time to pass where it does not.
    fn still_clock(&self) -> Option<String> {
        let looks = self.meter().still_clock.get();
        let text = || format!("; it looked at the clock {looks} times, which stands still: 'clock' is not granted");
        (looks >= STILL_CLOCK_LOOKS).then(text)
    }
}
