//! Waiting, in a frame, for objects or for time to pass.

use std::sync::Arc;

use super::current::Current;
use super::object::{Object, Waiter};
use super::timers::Alarm;
use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};

/// Waits that a job may try after it was asked to stop: they fail at once and take no time, so that no clock would end
/// its grace. One that tidies up needs a few.
const REFUSED_MAX: u32 = 1000;

impl Current {
    /// Waits until `count` of the objects are there, or the time is up; as many as are there already cost nothing.
    pub(super) fn wait(&self, objects: &[Arc<Object>], count: usize, timeout: Option<u64>) -> Result<(), TaskError> {
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
    pub(super) fn hand_round(&self) {
        if !self.is_ending() {
            self.world.hand_round(&self.frame);
            self.end_if_stopped();
        }
    }

    /// Waits for `missing` of those that are not there.
    fn park(&self, objects: &[Arc<Object>], missing: usize, timeout: Option<u64>) -> Result<(), TaskError> {
        if self.is_ending() {
            return Err(super::error::new(ErrorKind::HostShutDown, "nothing can be waited for at the end".to_owned()));
        }
        let verdict =
            self.sleep(objects, missing, timeout.map(|timeout| self.world.now().saturating_add(timeout)), false);
        self.end_if_stopped();
        self.refuse_if_asked()?;
        verdict.map_or(Ok(()), |verdict| Err(self.job().describe(verdict)))
    }

    /// Sleeps until `missing` of those that are not there have come, or then, or until it is roused; gives the verdict, if
    /// there was one.
    pub(super) fn sleep(
        &self,
        objects: &[Arc<Object>],
        missing: usize,
        until: Option<u64>,
        idle: bool,
    ) -> Option<TaskError> {
        let Current { world, frame } = self;
        let pending: Vec<_> = objects.iter().filter(|object| !object.is_ready()).cloned().collect();
        let number = world.number();
        frame.begin_wait(number, pending.clone(), missing, idle);
        for object in &pending {
            // None of them came meanwhile: this frame has the turn.
            object.watch(Waiter::Frame(frame.id, number));
        }
        let alarm = until.map(|until| world.set_alarm(until, Alarm::Wait(frame.clone(), number)));
        world.hand_on(frame);
        alarm.into_iter().for_each(|alarm| world.drop_alarm(alarm));
        pending.iter().for_each(|object| object.unwatch(frame.id));
        frame.end_wait()
    }

    /// Whoever was asked to stop waits no more.
    fn refuse_if_asked(&self) -> Result<(), TaskError> {
        let job = self.job();
        if !job.was_asked() {
            return Ok(());
        }
        if job.refuse() > REFUSED_MAX {
            self.frame.stop(super::stop_reason::Stop::Cancelled);
            self.end_if_stopped();
        }
        Err(super::error::new(ErrorKind::TaskCancelled, "this task was asked to stop".to_owned()))
    }
}
