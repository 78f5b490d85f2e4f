//! Whose turn it is. Frames hand the turn on when they wait: to what is ready, in the order in which it became so, else
//! to what the clock has to wake, else to one that waits in vain and is told so.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::thread;

use super::frame::Frame;
use super::job::{Job, Work};
use super::sync::lock;
use super::types::ErrorKind;
use super::world::World;

/// Threads of one test, each with a task that runs or waits, or with an actor. Far fewer than a process may have, so
/// that tests can run beside each other; a program that nests deeper is told so.
const THREADS_MAX: usize = 1000;

/// Looks at what has not happened yet, one after the other, after which the clock goes on to the next thing that it has
/// to wake: who polls is taken to have spent that time.
const LOOKS_MAX: u32 = 1000;

/// What is to go on.
pub(super) enum Turn {
    Begin(Arc<Job>),
    Go(Arc<Frame>),
}

/// What the clock has to do.
pub(super) enum Alarm {
    /// The time of this wait is up.
    Wait(Arc<Frame>, u64),
    /// This attempt has to be done.
    Deadline(Weak<Job>, u32),
    /// A rest between two attempts is over.
    Rest(Arc<Job>),
    /// One that was asked to stop has had its time, and so have its descendants.
    Grace(Arc<Job>, Vec<Arc<Job>>),
    /// A call that is to end, and runs beside others, has had its time to come to an await.
    Patience(Arc<Job>),
    #[cfg(test)]
    Seal(Arc<super::object::Object>, super::object::Stored),
}

/// All that is to come.
#[derive(Default)]
pub(super) struct Turns {
    /// Nanoseconds since the test began.
    pub(super) now: u64,
    /// By priority, then in order.
    ready: BTreeMap<(Reverse<i32>, u64), Turn>,
    /// By time, then in order.
    alarms: BTreeMap<(u64, u64), Alarm>,
}

impl World {
    /// Puts something at the end of what is ready.
    pub(super) fn ready(&self, turn: Turn) {
        let priority = match &turn {
            Turn::Begin(job) => job.plan.priority,
            Turn::Go(frame) => frame.job().plan.priority,
        };
        lock(&self.turns).ready.insert((Reverse(priority), self.number()), turn);
    }

    /// Is nothing ready, and nothing to be tidied up?
    pub(super) fn is_quiet(&self) -> bool {
        lock(&self.turns).ready.is_empty() && self.has_tidied_up()
    }

    /// Sets an alarm; gives its place.
    pub(super) fn set_alarm(&self, at: u64, alarm: Alarm) -> (u64, u64) {
        let place = (at, self.number());
        lock(&self.turns).alarms.insert(place, alarm);
        place
    }

    pub(super) fn drop_alarm(&self, place: (u64, u64)) {
        let dropped = lock(&self.turns).alarms.remove(&place);
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
        if frame.look() > LOOKS_MAX && lock(&self.turns).ready.is_empty() {
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
            let next = lock(&self.turns).ready.pop_first();
            match next {
                Some((_, Turn::Go(frame))) => return frame,
                Some((_, Turn::Begin(job))) => {
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
        lock(&self.frames).get(&0).expect("the test's frame is there as long as its world").clone()
    }

    /// Does what has to be done before anybody goes on.
    fn tidy_up(self: &Arc<Self>) {
        self.due_alarms();
        loop {
            let left = self.take_left();
            let failing = self.next_failing();
            if left.is_empty() && failing.is_none() {
                return;
            }
            left.into_iter().for_each(|left| self.let_go(left));
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
            Work::Construct(actor) => self.live(frame, actor, &job),
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
            let Some(((at, _), alarm)) = lock(&self.turns).alarms.pop_first() else { return false };
            if alarm.is_wanted() {
                let mut turns = lock(&self.turns);
                turns.now = turns.now.max(at);
                drop(turns);
                self.ring(alarm);
                return true;
            }
        }
    }

    /// Rings what is due already.
    fn due_alarms(self: &Arc<Self>) {
        loop {
            let due = {
                let mut turns = lock(&self.turns);
                let now = turns.now;
                let first = turns.alarms.first_entry().filter(|alarm| alarm.key().0 <= now);
                first.map(|alarm| alarm.remove())
            };
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
            Alarm::Seal(object, value) => self.seal(&object, Ok(value)),
        }
    }
}

impl Alarm {
    /// Would it change anything?
    fn is_wanted(&self) -> bool {
        match self {
            Self::Wait(frame, number) => frame.is_waiting(*number),
            Self::Deadline(job, attempt) => {
                job.upgrade().is_some_and(|job| !job.is_done() && job.attempt() == *attempt)
            }
            Self::Rest(job) => !job.is_done(),
            Self::Grace(job, descendants) => !job.is_done() || descendants.iter().any(|job| !job.is_done()),
            Self::Patience(call) => super::serving::overdue(call).is_some(),
            #[cfg(test)]
            Self::Seal(..) => true,
        }
    }
}
