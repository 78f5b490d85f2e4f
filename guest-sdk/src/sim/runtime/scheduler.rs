//! Whose turn it is. Instances hand the turn on when they wait: to what is ready, in the order in which it became so, else
//! to what the clock has to wake, else to one that waits in vain and is told so.

use std::sync::Arc;
use std::thread;

use crate::bindings::rustyray::core::types::ErrorKind;
use crate::sim::runtime::Runtime;
use crate::sim::runtime::current;
use crate::sim::state::instance::Instance;
use crate::sim::state::ready_queue::Turn;
use crate::sim::state::task::{TaskRecord, Work};
use crate::sim::state::timers::{Alarm, AlarmKey};
use crate::sim::sync::lock;

/// Threads of one test, each with a task that runs or waits, or with an actor. Far fewer than a process may have, so
/// that tests can run beside each other; a program that nests deeper is told so.
const THREADS_MAX: usize = 1000;

/// Looks at what has not happened yet, one after the other, after which the clock goes on to the next thing that it has
/// to wake: who polls is taken to have spent that time.
const LOOKS_MAX: u32 = 1000;

impl Runtime {
    /// Puts something at the end of what is ready.
    pub(crate) fn ready(&self, turn: Turn) {
        lock(&self.ready).push(turn, self.number());
    }

    /// Is nothing ready, and nothing to be tidied up?
    pub(crate) fn is_quiet(&self) -> bool {
        lock(&self.ready).is_empty() && self.has_tidied_up()
    }

    /// Sets an alarm; gives its key.
    pub(crate) fn set_alarm(&self, at: u64, alarm: Alarm) -> AlarmKey {
        let key = (at, self.number());
        lock(&self.timers).set(key, alarm);
        key
    }

    pub(crate) fn drop_alarm(&self, key: AlarmKey) {
        let dropped = lock(&self.timers).remove(key);
        drop(dropped);
    }

    /// Lets others have their turn until somebody has woken `instance`, which waits.
    pub(crate) fn hand_on(self: &Arc<Self>, instance: &Arc<Instance>) {
        let next = self.next_instance();
        if !Arc::ptr_eq(&next, instance) {
            next.give_turn();
            instance.take_turn();
        }
        self.reap();
    }

    /// Lets others have their turn before `instance` goes on. One that looks again and again has the clock go on, too.
    pub(crate) fn hand_round(self: &Arc<Self>, instance: &Arc<Instance>) {
        if instance.look() > LOOKS_MAX && lock(&self.ready).is_empty() {
            self.next_alarm();
        }
        self.ready(Turn::Go(instance.clone()));
        self.hand_on(instance);
    }

    /// An instance is over: its thread ends.
    pub(crate) fn leave(self: &Arc<Self>, instance: &Instance) {
        lock(&self.instances).remove(&instance.id);
        let freed = {
            let mut threads = lock(&self.threads);
            let leaving = threads.running.remove(&instance.id);
            threads.leaving.extend(leaving);
            threads.wanted.pop_front()
        };
        if let Some(task) = freed {
            self.ready(Turn::Begin(task));
        }
        self.next_instance().give_turn();
    }

    /// Waits until the threads have ended whose instance is over: what they held is gone then.
    pub(crate) fn reap(&self) {
        let leaving = std::mem::take(&mut lock(&self.threads).leaving);
        for thread in leaving {
            // It catches what its guest panics with; a destructor may still have panicked.
            let _ = thread.join();
        }
    }

    fn next_instance(self: &Arc<Self>) -> Arc<Instance> {
        loop {
            if self.is_halted() {
                return self.test_instance();
            }
            self.tidy_up();
            let next = lock(&self.ready).pop();
            match next {
                Some(Turn::Go(instance)) => return instance,
                Some(Turn::Begin(task)) => {
                    if let Some(instance) = self.begin(task) {
                        return instance;
                    }
                }
                None if self.next_alarm() => {}
                None => self.stand_still(),
            }
        }
    }

    /// The one that all end with.
    fn test_instance(&self) -> Arc<Instance> {
        self.instance(0).expect("the test's instance is there as long as its runtime")
    }

    /// Does what has to be done before anybody goes on.
    fn tidy_up(self: &Arc<Self>) {
        self.due_alarms();
        loop {
            let let_go = self.let_go.take();
            let failing = self.next_failing();
            if let_go.is_empty() && failing.is_none() {
                return;
            }
            let_go.into_iter().for_each(|gone| self.let_go_of(gone));
            failing.into_iter().for_each(|task| self.fail_dependent(&task));
        }
    }

    /// A thread for a task. None if it is not wanted any more, or cannot have one now.
    fn begin(self: &Arc<Self>, task: Arc<TaskRecord>) -> Option<Arc<Instance>> {
        if task.is_done() {
            return None;
        }
        if lock(&self.threads).running.len() >= THREADS_MAX {
            lock(&self.threads).wanted.push_back(task);
            return None;
        }
        let instance = Instance::new(self.number(), task.clone());
        let (runtime, inside) = (self.clone(), instance.clone());
        let spawned = thread::Builder::new().name(task.name().to_owned()).spawn(move || runtime.live_in(&inside));
        match spawned {
            Ok(thread) => {
                lock(&self.instances).insert(instance.id, instance.clone());
                lock(&self.threads).running.insert(instance.id, thread);
                Some(instance)
            }
            Err(error) => {
                let text = format!("no thread could be had for it: {error}");
                self.give_up(&task, crate::sim::error::new(ErrorKind::InstancesExhausted, text));
                None
            }
        }
    }

    /// What a thread does.
    fn live_in(self: Arc<Self>, instance: &Arc<Instance>) {
        instance.take_turn();
        self.reap();
        current::enter(&self, instance);
        let task = instance.task();
        match &task.work {
            Work::Construct(_) => self.live(instance, &task),
            _ => self.attempt(instance, &task),
        }
        instance.close();
        drop(task);
        self.leave(instance);
    }

    /// Nothing moves, and nothing is to come that would change that: somebody is told.
    fn stand_still(self: &Arc<Self>) {
        let wanted = lock(&self.threads).wanted.pop_front();
        if let Some(task) = wanted {
            let text = format!("{THREADS_MAX} tasks and actors of this test wait for others: nest tasks less deeply");
            return self.give_up(&task, crate::sim::error::new(ErrorKind::InstancesExhausted, text));
        }
        let (instance, verdict) = self.find_circle();
        if instance.condemn(verdict) {
            self.ready(Turn::Go(instance));
        }
    }

    /// Lets the clock go on to the next alarm. False if there is none.
    fn next_alarm(self: &Arc<Self>) -> bool {
        loop {
            let Some((at, alarm)) = lock(&self.timers).next() else { return false };
            if self.is_wanted(&alarm) {
                lock(&self.timers).advance(at);
                self.ring(alarm);
                return true;
            }
        }
    }

    /// Rings what is due already.
    fn due_alarms(self: &Arc<Self>) {
        loop {
            let due = lock(&self.timers).due();
            match due {
                Some(alarm) => self.ring(alarm),
                None => return,
            }
        }
    }

    fn ring(self: &Arc<Self>, alarm: Alarm) {
        match alarm {
            Alarm::Wait(instance, number) if instance.timed_out(number) => self.ready(Turn::Go(instance)),
            Alarm::Wait(..) => {}
            Alarm::Deadline(task, attempt) => {
                task.upgrade().into_iter().for_each(|task| self.past_deadline(&task, attempt));
            }
            Alarm::Rest(task) if task.rested() => self.released(&task),
            Alarm::Rest(_) => {}
            Alarm::Grace(task, descendants) => self.end_grace(&task, &descendants),
            Alarm::Patience(call) => self.lose_patience(&call),
            #[cfg(test)]
            Alarm::Seal(object, value) => crate::sim::state::object::ObjectStore::seal(&**self, &object, Ok(value)),
        }
    }

    /// Would it change anything?
    fn is_wanted(&self, alarm: &Alarm) -> bool {
        match alarm {
            Alarm::Wait(instance, number) => instance.is_waiting(*number),
            Alarm::Deadline(task, attempt) => {
                task.upgrade().is_some_and(|task| !task.is_done() && task.attempt() == *attempt)
            }
            Alarm::Rest(task) => !task.is_done(),
            Alarm::Grace(task, descendants) => !task.is_done() || descendants.iter().any(|task| !task.is_done()),
            Alarm::Patience(call) => self.overdue(call).is_some(),
            #[cfg(test)]
            Alarm::Seal(..) => true,
        }
    }
}
