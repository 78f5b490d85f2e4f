//! Ending tasks from outside: cancelled, past their deadline, let go of, or because the test is over.

use std::sync::Arc;

use crate::sim::runtime::Runtime;
use crate::sim::state::instance::Instance;
use crate::sim::state::let_go::LetGo;
use crate::sim::state::object::Object;
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::task::TaskRecord;
use crate::sim::state::timers::Alarm;
use crate::sim::sync::lock;

/// Nanoseconds between asking a task to stop and ending it, as on a host.
const CANCEL_GRACE_NS: u64 = 1_000_000_000;

impl Runtime {
    /// Cancels what makes an object.
    pub(crate) fn cancel(self: &Arc<Self>, object: &Object, force: bool, recursive: bool) {
        let Some(task) = self.producer(object) else { return };
        if !recursive {
            task.spare_children();
        }
        let descendants = if recursive { descendants(&task) } else { Vec::new() };
        // Nothing of a task that waits can be asked: a queue or a rest can be left at once.
        if force || task.instance().is_none() {
            self.stop(&task, StopReason::Cancelled);
            descendants.iter().for_each(|task| self.end_with_parent(task));
            return;
        }
        let mut asked = task.ask();
        self.hear(&task);
        for task in &descendants {
            asked |= task.ask();
            self.hear(task);
        }
        if asked {
            self.set_alarm(self.now().saturating_add(CANCEL_GRACE_NS), Alarm::Grace(task, descendants));
        }
    }

    /// One that was asked to stop is not told again: whatever it waits for, it goes on.
    pub(crate) fn hear(&self, task: &TaskRecord) {
        let Some(instance) = self.instance_of(task) else { return };
        // What is suspended beside others hears of it when none of them blocks.
        match std::ptr::eq(Arc::as_ptr(&instance.task()), task) {
            true => self.rouse(&instance),
            false => self.rouse_idle(&instance),
        }
    }

    /// The time is up of those who were asked to stop.
    pub(crate) fn end_grace(self: &Arc<Self>, task: &Arc<TaskRecord>, descendants: &[Arc<TaskRecord>]) {
        self.stop(task, StopReason::Cancelled);
        descendants.iter().for_each(|task| self.end_with_parent(task));
    }

    /// Ends a task because its parent is ended. A call that is being served is only asked to: ending it would end the
    /// actor, which is others' as well.
    pub(crate) fn end_with_parent(self: &Arc<Self>, task: &Arc<TaskRecord>) {
        if task.is_call() && task.instance().is_some() {
            task.ask();
            self.hear(task);
        } else {
            self.stop(task, StopReason::Cancelled);
        }
    }

    /// Ends a task, whatever it does.
    pub(crate) fn stop(self: &Arc<Self>, task: &Arc<TaskRecord>, reason: StopReason) {
        let error = || task.stopped(reason, self.now());
        match self.instance_of(task) {
            _ if task.is_done() => {}
            None => self.give_up(task, error()),
            Some(instance) => {
                if let Some(concurrent_calls) = instance.concurrent_calls() {
                    return self.stop_beside(&concurrent_calls, task, reason);
                }
                self.unwind(&instance, reason);
                // Whoever waits for the outcome need not wait for the instance. After a deadline another attempt may
                // follow, and an actor ends with its call.
                if reason != StopReason::Deadline && task.actor().is_none() {
                    self.settle(task, Err(error()));
                }
            }
        }
    }

    /// Has what runs in an instance end there.
    pub(crate) fn unwind(&self, instance: &Arc<Instance>, reason: StopReason) {
        instance.stop(reason);
        self.rouse(instance);
    }

    /// The attempt had its time.
    pub(crate) fn past_deadline(self: &Arc<Self>, task: &Arc<TaskRecord>, attempt: u32) {
        let now = self.now();
        if task.attempt() != attempt || task.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        if task.is_past_parents(now) && task.is_call() && task.instance().is_some() {
            // As when its parent is ended.
            task.outlive_parent();
            self.watch_deadline(task);
            return self.end_with_parent(task);
        }
        self.stop(task, StopReason::Deadline);
    }

    /// Nobody holds it any more.
    pub(crate) fn let_go_of(self: &Arc<Self>, gone: LetGo) {
        match gone {
            LetGo::Actor(actor) => {
                let actor = lock(&self.actors).get(&actor).cloned();
                let Some(actor) = actor else { return };
                actor.closes();
                self.look_at_mailbox(&actor);
                self.forget_if_gone(&actor);
            }
            LetGo::Stream(task) => {
                let Some(task) = self.task(task) else { return };
                descendants(&task).iter().for_each(|task| self.end_with_parent(task));
                // An actor's call ends by itself at its next item.
                self.end_with_parent(&task);
            }
        }
    }

    /// Ends all that the test left running, one after the other, and waits until the threads are gone. `instance` is the
    /// test's.
    pub(crate) fn shut_down(self: &Arc<Self>, instance: &Arc<Instance>) {
        self.halt();
        let others: Vec<_> = lock(&self.instances).values().filter(|other| other.id != instance.id).cloned().collect();
        for other in others {
            other.stop(StopReason::HostShutDown);
            other.give_turn();
            instance.take_turn();
            self.reap();
        }
        for task in descendants(&self.test) {
            self.settle(&task, Err(task.stopped(StopReason::HostShutDown, self.now())));
        }
        self.forget();
    }

    /// Lets go of what would otherwise hold on to itself.
    fn forget(&self) {
        let ready = std::mem::take(&mut *lock(&self.ready));
        let timers = std::mem::take(&mut *lock(&self.timers));
        let wanted = std::mem::take(&mut lock(&self.threads).wanted);
        drop((ready, timers, wanted));
        lock(&self.names).clear();
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        let actors = std::mem::take(&mut *lock(&self.actors));
        drop((tasks, actors));
        drop(self.let_go.take());
        while self.next_failing().is_some() {}
        lock(&self.instances).clear();
    }
}

/// All that a task submitted, parents first. What a call submitted is the actor's.
fn descendants(task: &Arc<TaskRecord>) -> Vec<Arc<TaskRecord>> {
    let mut found = task.children();
    let mut next = 0;
    while let Some(task) = found.get(next) {
        if !task.is_call() {
            let children = task.children();
            found.extend(children);
        }
        next += 1;
    }
    found
}
