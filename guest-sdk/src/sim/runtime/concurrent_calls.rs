//! An actor that serves several calls at once: they are handed to its one instance while their lanes have room, and settled
//! as it answers them.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::error::of_failure;
use crate::sim::exports::Answer;
use crate::sim::runtime::Runtime;
use crate::sim::runtime::actors::{Served, crashed};
use crate::sim::runtime::current::Current;
use crate::sim::runtime::worker::guarded;
use crate::sim::state::actor::ActorRecord;
use crate::sim::state::concurrent_calls::{ConcurrentCalls, Ending, News};
use crate::sim::state::instance::Instance;
use crate::sim::state::object::{Object, Value};
use crate::sim::state::payload::Payload;
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::task::TaskRecord;
use crate::sim::state::timers::Alarm;

/// Nanoseconds for a call that runs to come to its next await, once it is to be ended, as on a host. They pass only
/// while it blocks; after them the whole actor ends.
const AWAIT_GRACE_NS: u64 = 100_000_000;

impl Runtime {
    /// Serves calls, from the first until none is left.
    pub(crate) fn serve_concurrently(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        actor: &Arc<ActorRecord>,
        first: &Arc<TaskRecord>,
        may_restart: bool,
    ) -> Served {
        let concurrent_calls = ConcurrentCalls::new(actor);
        instance.set_concurrent_calls(Some(&concurrent_calls));
        instance.set_task(first);
        self.begin_beside(instance, &concurrent_calls, first);
        let ended = guarded(instance, || {
            (self.program.serve)();
            Ok(())
        });
        instance.set_concurrent_calls(None);
        let ran = instance.task();
        let Err(error) = self.outcome(&ran, ended) else { return Ok(()) };
        let error = actor.killed_to_restart(error, may_restart);
        // The last first: each goes before those that wait.
        for call in concurrent_calls.abandoned().iter().rev() {
            let seen = seen_by(call, &ran, &error);
            if !(may_restart && self.call_again(actor, call, &seen)) {
                self.settle(call, Err(crashed(call, &seen, may_restart)));
            }
        }
        Err(error)
    }

    /// Takes calls from the mailbox for which there is room.
    pub(crate) fn take_beside(&self, instance: &Arc<Instance>, concurrent_calls: &ConcurrentCalls) {
        while let Some(call) = concurrent_calls.actor.next_beside(|lane| concurrent_calls.has_room(lane)) {
            self.begin_beside(instance, concurrent_calls, &call);
        }
    }

    fn begin_beside(&self, instance: &Arc<Instance>, concurrent_calls: &ConcurrentCalls, call: &Arc<TaskRecord>) {
        match call.begin(instance.id, self.now()) {
            None => {}
            Some(Err(_)) => self.fails(call),
            Some(Ok(arguments)) => {
                concurrent_calls.admit(call, arguments);
                self.watch_deadline(call);
            }
        }
    }

    /// The guest's answer to a call. Nothing happens if nobody waits for it any more.
    pub(crate) fn answer(self: &Arc<Self>, concurrent_calls: &ConcurrentCalls, id: u64, answer: Answer<Payload>) {
        let Some((call, ending)) = concurrent_calls.answered(id) else { return };
        let outcome = match ending {
            Some(reason) => Err(call.stopped(reason, self.now())),
            None => answer.map_err(|failure| of_failure(*failure)),
        };
        self.finish_beside(&concurrent_calls.actor, &call, outcome);
    }

    /// The end of a call, or of an attempt of it.
    fn finish_beside(
        self: &Arc<Self>,
        actor: &ActorRecord,
        call: &Arc<TaskRecord>,
        outcome: Result<Payload, TaskError>,
    ) {
        match outcome {
            Ok(payload) => self.settle(call, Ok(Value::from(payload))),
            Err(error) if self.call_again(actor, call, &error) => {}
            Err(error) => self.settle(call, Err(error)),
        }
    }

    /// Ends one call. One that is suspended is over at once; the one that runs is when the guest leaves it.
    pub(crate) fn stop_beside(
        self: &Arc<Self>,
        concurrent_calls: &ConcurrentCalls,
        call: &Arc<TaskRecord>,
        reason: StopReason,
    ) {
        match concurrent_calls.stop(call.id, reason) {
            Ending::None => {}
            Ending::Over => {
                self.finish_beside(&concurrent_calls.actor, call, Err(call.stopped(reason, self.now())));
                self.look_at_mailbox(&concurrent_calls.actor);
            }
            Ending::Soon => {
                self.set_alarm(self.now().saturating_add(AWAIT_GRACE_NS), Alarm::Patience(call.clone()));
                // It may wait in a host call of its own, which fails when it is asked to stop. What is past its deadline
                // may be tried again, and is not asked.
                if reason == StopReason::Cancelled {
                    call.ask();
                    self.hear(call);
                }
            }
        }
    }

    /// Ends the actor when its guest does not leave a call that is to end.
    pub(crate) fn lose_patience(&self, call: &TaskRecord) {
        if let (Some(instance), Some(reason)) = (self.instance_of(call), self.overdue(call)) {
            self.unwind(&instance, reason);
        }
    }

    /// Why a call is to end that runs beside others.
    pub(crate) fn overdue(&self, call: &TaskRecord) -> Option<StopReason> {
        self.instance_of(call)?.concurrent_calls()?.overdue(call.id)
    }
}

impl Current {
    /// What the guest has to know; `None` when `count` of the objects are there, or the time is up.
    pub(crate) fn next_news(
        &self,
        concurrent_calls: &ConcurrentCalls,
        objects: &[Arc<Object>],
        count: usize,
        timeout: Option<u64>,
    ) -> Option<News> {
        let Current { runtime, instance } = self;
        self.leave_call(concurrent_calls);
        if timeout == Some(0) {
            self.hand_round();
        }
        let until = timeout.map(|timeout| runtime.now().saturating_add(timeout));
        loop {
            runtime.take_beside(instance, concurrent_calls);
            if let Some(news) = concurrent_calls.news() {
                return Some(news);
            }
            let there = objects.iter().filter(|object| object.is_ready()).count();
            let missing = count.min(objects.len()).saturating_sub(there);
            let is_enough = missing == 0 && count > 0 && !objects.is_empty();
            if is_enough || until.is_some_and(|until| until <= runtime.now()) {
                return None;
            }
            self.sleep(objects, missing, until, true);
            self.end_if_stopped();
        }
    }

    /// The guest runs this call from here on. False if nobody waits for it any more.
    pub(crate) fn enter_call(&self, concurrent_calls: &ConcurrentCalls, id: u64) -> bool {
        self.leave_call(concurrent_calls);
        let entered = concurrent_calls.enter(id);
        entered.iter().for_each(|call| self.instance.set_task(call));
        entered.is_some()
    }

    /// The guest runs no call from here on.
    fn leave_call(&self, concurrent_calls: &ConcurrentCalls) {
        if let Some((call, reason)) = concurrent_calls.leave() {
            let error = call.stopped(reason, self.runtime.now());
            self.runtime.finish_beside(&concurrent_calls.actor, &call, Err(error));
        }
    }
}

/// The error that ended the actor, as one of its calls sees it.
fn seen_by(call: &Arc<TaskRecord>, ran: &Arc<TaskRecord>, error: &TaskError) -> TaskError {
    if matches!(error.kind, ErrorKind::ActorDied | ErrorKind::HostShutDown) || Arc::ptr_eq(call, ran) {
        return error.clone();
    }
    let text = format!("its instance ended with another call, {}: {}", ran.name(), error.message);
    crate::sim::error::new(ErrorKind::WorkerCrashed, text)
}
