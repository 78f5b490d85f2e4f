//! Waiting, in an instance, for objects or for time to pass.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::runtime::current::Current;
use crate::sim::state::object::{Object, Waiter};
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::timers::Alarm;

/// Waits that a task may try after it was asked to stop: they fail at once and take no time, so that no clock would end
/// its grace. One that tidies up needs a few.
const REFUSED_MAX: u32 = 1000;

impl Current {
    /// Waits until `count` of the objects are there, or the time is up; as many as are there already cost nothing.
    pub(crate) fn wait(&self, objects: &[Arc<Object>], count: usize, timeout: Option<u64>) -> Result<(), TaskError> {
        self.refuse_if_asked()?;
        let there = objects.iter().filter(|object| object.is_ready()).count();
        let missing = count.min(objects.len()).saturating_sub(there);
        let is_timer = objects.is_empty() && count > 0;
        match timeout {
            _ if missing == 0 && !is_timer => Ok(()),
            Some(0) => {
                self.hand_round();
                Ok(())
            }
            _ => self.park(objects, missing, timeout),
        }
    }

    /// Lets others have their turn first.
    pub(crate) fn hand_round(&self) {
        if !self.is_ending() {
            self.runtime.hand_round(&self.instance);
            self.end_if_stopped();
        }
    }

    /// Waits for `missing` of those that are not there.
    fn park(&self, objects: &[Arc<Object>], missing: usize, timeout: Option<u64>) -> Result<(), TaskError> {
        if self.is_ending() {
            return Err(crate::sim::error::new(
                ErrorKind::HostShutDown,
                "nothing can be waited for at the end".to_owned(),
            ));
        }
        let verdict =
            self.sleep(objects, missing, timeout.map(|timeout| self.runtime.now().saturating_add(timeout)), false);
        self.end_if_stopped();
        self.refuse_if_asked()?;
        verdict.map_or(Ok(()), |verdict| Err(self.task().describe(verdict)))
    }

    /// Sleeps until `missing` of those that are not there have come, or then, or until it is roused; gives the verdict, if
    /// there was one.
    pub(crate) fn sleep(
        &self,
        objects: &[Arc<Object>],
        missing: usize,
        until: Option<u64>,
        idle: bool,
    ) -> Option<TaskError> {
        let Current { runtime, instance } = self;
        let pending: Vec<_> = objects.iter().filter(|object| !object.is_ready()).cloned().collect();
        let number = runtime.number();
        instance.begin_wait(number, pending.clone(), missing, idle);
        for object in &pending {
            // None of them came meanwhile: this instance has the turn.
            object.watch(Waiter::Instance(instance.id, number));
        }
        let alarm = until.map(|until| runtime.set_alarm(until, Alarm::Wait(instance.clone(), number)));
        runtime.hand_on(instance);
        alarm.into_iter().for_each(|alarm| runtime.drop_alarm(alarm));
        pending.iter().for_each(|object| object.unwatch(instance.id));
        instance.end_wait()
    }

    /// Whoever was asked to stop waits no more.
    fn refuse_if_asked(&self) -> Result<(), TaskError> {
        let task = self.task();
        if !task.was_asked() {
            return Ok(());
        }
        if task.refuse() > REFUSED_MAX {
            self.instance.stop(StopReason::Cancelled);
            self.end_if_stopped();
        }
        Err(crate::sim::error::new(ErrorKind::TaskCancelled, "this task was asked to stop".to_owned()))
    }
}
