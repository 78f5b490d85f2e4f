//! Ending jobs from outside: cancelled, past their deadline, let go of, or because the test is over.

use std::sync::Arc;

use super::frame::Frame;
use super::job::Job;
use super::let_go::LetGo;
use super::object::Object;
use super::stop_reason::Stop;
use super::sync::lock;
use super::timers::Alarm;
use super::world::World;

/// Nanoseconds between asking a task to stop and ending it, as on a host.
const CANCEL_GRACE_NS: u64 = 1_000_000_000;

impl World {
    /// Cancels what makes an object.
    pub(super) fn cancel(self: &Arc<Self>, object: &Object, force: bool, recursive: bool) {
        let Some(job) = self.producer(object) else { return };
        if !recursive {
            job.spare_children();
        }
        let descendants = if recursive { descendants(&job) } else { Vec::new() };
        // Nothing of a job that waits can be asked: a queue or a rest can be left at once.
        if force || job.frame().is_none() {
            self.stop(&job, Stop::Cancelled);
            descendants.iter().for_each(|job| self.end_with_parent(job));
            return;
        }
        let mut asked = job.ask();
        self.hear(&job);
        for job in &descendants {
            asked |= job.ask();
            self.hear(job);
        }
        if asked {
            self.set_alarm(self.now().saturating_add(CANCEL_GRACE_NS), Alarm::Grace(job, descendants));
        }
    }

    /// One that was asked to stop is not told again: whatever it waits for, it goes on.
    pub(super) fn hear(&self, job: &Job) {
        let Some(frame) = self.frame_of(job) else { return };
        // What is suspended beside others hears of it when none of them blocks.
        match std::ptr::eq(Arc::as_ptr(&frame.job()), job) {
            true => self.rouse(&frame),
            false => self.rouse_idle(&frame),
        }
    }

    /// The time is up of those who were asked to stop.
    pub(super) fn end_grace(self: &Arc<Self>, job: &Arc<Job>, descendants: &[Arc<Job>]) {
        self.stop(job, Stop::Cancelled);
        descendants.iter().for_each(|job| self.end_with_parent(job));
    }

    /// Ends a job because its parent is ended. A call that is being served is only asked to: ending it would end the
    /// actor, which is others' as well.
    pub(super) fn end_with_parent(self: &Arc<Self>, job: &Arc<Job>) {
        if job.is_call() && job.frame().is_some() {
            job.ask();
            self.hear(job);
        } else {
            self.stop(job, Stop::Cancelled);
        }
    }

    /// Ends a job, whatever it does.
    pub(super) fn stop(self: &Arc<Self>, job: &Arc<Job>, reason: Stop) {
        let error = || job.stopped(reason, self.now());
        match self.frame_of(job) {
            _ if job.is_done() => {}
            None => self.give_up(job, error()),
            Some(frame) => {
                if let Some(concurrent_calls) = frame.concurrent_calls() {
                    return self.stop_beside(&concurrent_calls, job, reason);
                }
                self.unwind(&frame, reason);
                // Whoever waits for the outcome need not wait for the frame. After a deadline another attempt may
                // follow, and an actor ends with its call.
                if reason != Stop::Deadline && job.actor().is_none() {
                    self.settle(job, Err(error()));
                }
            }
        }
    }

    /// Has what runs in a frame end there.
    pub(super) fn unwind(&self, frame: &Arc<Frame>, reason: Stop) {
        frame.stop(reason);
        self.rouse(frame);
    }

    /// The attempt had its time.
    pub(super) fn past_deadline(self: &Arc<Self>, job: &Arc<Job>, attempt: u32) {
        let now = self.now();
        if job.attempt() != attempt || job.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        if job.is_past_parents(now) && job.is_call() && job.frame().is_some() {
            // As when its parent is ended.
            job.outlive_parent();
            self.watch_deadline(job);
            return self.end_with_parent(job);
        }
        self.stop(job, Stop::Deadline);
    }

    /// Nobody holds it any more.
    pub(super) fn let_go_of(self: &Arc<Self>, gone: LetGo) {
        match gone {
            LetGo::Actor(actor) => {
                let actor = lock(&self.actors).get(&actor).cloned();
                let Some(actor) = actor else { return };
                actor.closes();
                self.look_at_mailbox(&actor);
                self.forget_if_gone(&actor);
            }
            LetGo::Stream(job) => {
                let Some(job) = self.job(job) else { return };
                descendants(&job).iter().for_each(|job| self.end_with_parent(job));
                // An actor's call ends by itself at its next item.
                self.end_with_parent(&job);
            }
        }
    }

    /// Ends all that the test left running, one after the other, and waits until the threads are gone. `frame` is the
    /// test's.
    pub(super) fn shut_down(self: &Arc<Self>, frame: &Arc<Frame>) {
        self.halt();
        let others: Vec<_> = lock(&self.frames).values().filter(|other| other.id != frame.id).cloned().collect();
        for other in others {
            other.stop(Stop::HostShutDown);
            other.give_turn();
            frame.take_turn();
            self.reap();
        }
        for job in descendants(&self.test) {
            self.settle(&job, Err(job.stopped(Stop::HostShutDown, self.now())));
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
        let jobs = std::mem::take(&mut *lock(&self.jobs));
        let actors = std::mem::take(&mut *lock(&self.actors));
        drop((jobs, actors));
        drop(self.let_go.take());
        while self.next_failing().is_some() {}
        lock(&self.frames).clear();
    }
}

/// All that a job submitted, parents first. What a call submitted is the actor's.
fn descendants(job: &Arc<Job>) -> Vec<Arc<Job>> {
    let mut found = job.children();
    let mut next = 0;
    while let Some(job) = found.get(next) {
        if !job.is_call() {
            let children = job.children();
            found.extend(children);
        }
        next += 1;
    }
    found
}
