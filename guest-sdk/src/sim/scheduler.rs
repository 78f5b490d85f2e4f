//! Whose turn it is. Frames hand the turn on when they wait: to what is ready, in the order in which it became so, else
//! to what the clock has to wake, else to one that waits in vain and is told so.

use std::sync::Arc;
use std::thread;

use super::frame::Frame;
use super::job::{Job, Work};
use super::ready_queue::Turn;
use super::sync::lock;
use super::timers::{Alarm, AlarmKey};
use super::world::World;
use crate::bindings::rustyray::core::types::ErrorKind;

/// Threads of one test, each with a task that runs or waits, or with an actor. Far fewer than a process may have, so
/// that tests can run beside each other; a program that nests deeper is told so.
const THREADS_MAX: usize = 1000;

/// Looks at what has not happened yet, one after the other, after which the clock goes on to the next thing that it has
/// to wake: who polls is taken to have spent that time.
const LOOKS_MAX: u32 = 1000;

impl World {
    /// Puts something at the end of what is ready.
    pub(super) fn ready(&self, turn: Turn) {
        lock(&self.ready).push(turn, self.number());
    }

    /// Is nothing ready, and nothing to be tidied up?
    pub(super) fn is_quiet(&self) -> bool {
        lock(&self.ready).is_empty() && self.has_tidied_up()
    }

    /// Sets an alarm; gives its key.
    pub(super) fn set_alarm(&self, at: u64, alarm: Alarm) -> AlarmKey {
        let key = (at, self.number());
        lock(&self.timers).set(key, alarm);
        key
    }

    pub(super) fn drop_alarm(&self, key: AlarmKey) {
        let dropped = lock(&self.timers).remove(key);
        drop(dropped);
    }

    /// Lets others have their turn until somebody has woken `frame`, which waits.
    pub(super) fn hand_on(self: &Arc<Self>, frame: &Arc<Frame>) {
        let next = self.next_frame();
        if !Arc::ptr_eq(&next, frame) {
            next.give_turn();
            frame.take_turn();
        }
        self.reap();
    }

    /// Lets others have their turn before `frame` goes on. One that looks again and again has the clock go on, too.
    pub(super) fn hand_round(self: &Arc<Self>, frame: &Arc<Frame>) {
        if frame.look() > LOOKS_MAX && lock(&self.ready).is_empty() {
            self.next_alarm();
        }
        self.ready(Turn::Go(frame.clone()));
        self.hand_on(frame);
    }

    /// A frame is over: its thread ends.
    pub(super) fn leave(self: &Arc<Self>, frame: &Frame) {
        lock(&self.frames).remove(&frame.id);
        let freed = {
            let mut threads = lock(&self.threads);
            let leaving = threads.running.remove(&frame.id);
            threads.leaving.extend(leaving);
            threads.wanted.pop_front()
        };
        if let Some(job) = freed {
            self.ready(Turn::Begin(job));
        }
        self.next_frame().give_turn();
    }

    /// Waits until the threads have ended whose frame is over: what they held is gone then.
    pub(super) fn reap(&self) {
        let leaving = std::mem::take(&mut lock(&self.threads).leaving);
        for thread in leaving {
            // It catches what its guest panics with; a destructor may still have panicked.
            let _ = thread.join();
        }
    }

    fn next_frame(self: &Arc<Self>) -> Arc<Frame> {
        loop {
            if self.is_halted() {
                return self.test_frame();
            }
            self.tidy_up();
            let next = lock(&self.ready).pop();
            match next {
                Some(Turn::Go(frame)) => return frame,
                Some(Turn::Begin(job)) => {
                    if let Some(frame) = self.begin(job) {
                        return frame;
                    }
                }
                None if self.next_alarm() => {}
                None => self.stand_still(),
            }
        }
    }

    /// The one that all end with.
    fn test_frame(&self) -> Arc<Frame> {
        self.frame(0).expect("the test's frame is there as long as its world")
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
            failing.into_iter().for_each(|job| self.fail_dependent(&job));
        }
    }

    /// A thread for a job. None if it is not wanted any more, or cannot have one now.
    fn begin(self: &Arc<Self>, job: Arc<Job>) -> Option<Arc<Frame>> {
        if job.is_done() {
            return None;
        }
        if lock(&self.threads).running.len() >= THREADS_MAX {
            lock(&self.threads).wanted.push_back(job);
            return None;
        }
        let frame = Frame::new(self.number(), job.clone());
        let (world, inside) = (self.clone(), frame.clone());
        let spawned = thread::Builder::new().name(job.name().to_owned()).spawn(move || world.live_in(&inside));
        match spawned {
            Ok(thread) => {
                lock(&self.frames).insert(frame.id, frame.clone());
                lock(&self.threads).running.insert(frame.id, thread);
                Some(frame)
            }
            Err(error) => {
                let text = format!("no thread could be had for it: {error}");
                self.give_up(&job, super::error::new(ErrorKind::InstancesExhausted, text));
                None
            }
        }
    }

    /// What a thread does.
    fn live_in(self: Arc<Self>, frame: &Arc<Frame>) {
        frame.take_turn();
        self.reap();
        super::current::enter(&self, frame);
        let job = frame.job();
        match &job.work {
            Work::Construct(_) => self.live(frame, &job),
            _ => self.attempt(frame, &job),
        }
        frame.close();
        drop(job);
        self.leave(frame);
    }

    /// Nothing moves, and nothing is to come that would change that: somebody is told.
    fn stand_still(self: &Arc<Self>) {
        let wanted = lock(&self.threads).wanted.pop_front();
        if let Some(job) = wanted {
            let text = format!("{THREADS_MAX} tasks and actors of this test wait for others: nest tasks less deeply");
            return self.give_up(&job, super::error::new(ErrorKind::InstancesExhausted, text));
        }
        let (frame, verdict) = self.find_circle();
        if frame.condemn(verdict) {
            self.ready(Turn::Go(frame));
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
            Alarm::Wait(frame, number) if frame.timed_out(number) => self.ready(Turn::Go(frame)),
            Alarm::Wait(..) => {}
            Alarm::Deadline(job, attempt) => {
                job.upgrade().into_iter().for_each(|job| self.past_deadline(&job, attempt));
            }
            Alarm::Rest(job) if job.rested() => self.released(&job),
            Alarm::Rest(_) => {}
            Alarm::Grace(job, descendants) => self.end_grace(&job, &descendants),
            Alarm::Patience(call) => self.lose_patience(&call),
            #[cfg(test)]
            Alarm::Seal(object, value) => super::object::ObjectStore::seal(&**self, &object, Ok(value)),
        }
    }

    /// Would it change anything?
    fn is_wanted(&self, alarm: &Alarm) -> bool {
        match alarm {
            Alarm::Wait(frame, number) => frame.is_waiting(*number),
            Alarm::Deadline(job, attempt) => {
                job.upgrade().is_some_and(|job| !job.is_done() && job.attempt() == *attempt)
            }
            Alarm::Rest(job) => !job.is_done(),
            Alarm::Grace(job, descendants) => !job.is_done() || descendants.iter().any(|job| !job.is_done()),
            Alarm::Patience(call) => self.overdue(call).is_some(),
            #[cfg(test)]
            Alarm::Seal(..) => true,
        }
    }
}
