//! What time has to pass for. Time is what the timers say it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use crate::sim::state::instance::Instance;
use crate::sim::state::task::TaskRecord;

/// What the clock has to do.
pub(crate) enum Alarm {
    /// The time of this wait is up.
    Wait(Arc<Instance>, u64),
    /// This attempt has to be done.
    Deadline(Weak<TaskRecord>, u32),
    /// A rest between two attempts is over.
    Rest(Arc<TaskRecord>),
    /// One that was asked to stop has had its time, and so have its descendants.
    Grace(Arc<TaskRecord>, Vec<Arc<TaskRecord>>),
    /// A call that is to end, and runs beside others, has had its time to come to an await.
    Patience(Arc<TaskRecord>),
    #[cfg(test)]
    Seal(Arc<crate::sim::state::object::Object>, crate::sim::state::object::Value),
}

/// When it is due, and its number.
pub(crate) type AlarmKey = (u64, u64);

/// By time, then in order.
#[derive(Default)]
pub(crate) struct Timers {
    /// Nanoseconds since the test began.
    now: u64,
    alarms: BTreeMap<AlarmKey, Alarm>,
}

impl Timers {
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Time has passed.
    pub(crate) fn advance(&mut self, to: u64) {
        self.now = self.now.max(to);
    }

    pub(crate) fn set(&mut self, key: AlarmKey, alarm: Alarm) {
        self.alarms.insert(key, alarm);
    }

    pub(crate) fn remove(&mut self, key: AlarmKey) -> Option<Alarm> {
        self.alarms.remove(&key)
    }

    /// The next one, with when it is due.
    pub(crate) fn next(&mut self) -> Option<(u64, Alarm)> {
        self.alarms.pop_first().map(|((at, _), alarm)| (at, alarm))
    }

    /// One for which the time has come.
    pub(crate) fn due(&mut self) -> Option<Alarm> {
        let first = self.alarms.first_entry().filter(|alarm| alarm.key().0 <= self.now);
        first.map(|alarm| alarm.remove())
    }
}
