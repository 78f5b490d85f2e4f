//! The threads that run guests. Each asks the scheduler what to do next: go on with a job, or start a task.
//!
//! A job is a future that runs a task, or an actor's life. A thread polls it until it waits for something, or was
//! preempted after a slice of fuel. What a job wakes is run by the same thread next, without a word to the others: a
//! caller and the actor that it calls hand each other a thread that is awake already, with a warm cache.

use std::future::Future;
use std::sync::Arc;
use std::thread::Thread;
use std::time::Duration;

use async_task::{Builder, ScheduleInfo};

use super::floating_point::{self, use_default_modes};
use super::job::{Job, Tag};
use super::worker_state::WorkerState;
use super::workers::{STATE, WORKERS, sit_down};
use super::{JournalHandle, Runtime};
use crate::state::object::ObjectRef;
use crate::state::queue::scheduler::{Next, Wants};
use crate::state::task::{TaskRecord, Work};

/// Jobs that a thread takes from its own seat before it asks the scheduler again: two that wake each other for ever must
/// not keep others waiting.
const LIFO_JOBS_MAX: u32 = 8;

/// Bytes of a thread's stack. Guests run on fibers of their own.
const STACK_BYTES: usize = 2 << 20;

impl Runtime {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread left. Those that were started end.
    pub(crate) fn start_workers(self: &Arc<Self>, count: usize) -> std::io::Result<()> {
        for number in 0..count {
            self.scheduler.lock().enlist();
            self.start_worker(number).inspect_err(|_| self.end_workers())?;
        }
        // When all the others have their numbers.
        self.scheduler.lock().spares_from(count);
        let presence = &self.workers.presence;
        let others = self.start_endings(presence).and_then(|()| self.start_detector(presence));
        others.and_then(|()| self.start_readers(presence)).inspect_err(|_| self.end_workers())
    }

    /// Starts the thread of this number, the next one.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start_worker(self: &Arc<Self>, number: usize) -> std::io::Result<()> {
        let runtime = self.clone();
        let thread = std::thread::Builder::new().name(format!("rustyray-{number}")).stack_size(STACK_BYTES);
        // Held while it starts, so that it is known before it can be woken.
        let mut threads = self.workers.threads.lock();
        // Whoever joins the threads may be the last to hold the runtime, and finds nothing of it left: it goes with the work.
        let started = self.workers.presence.spawn(thread, move || runtime.run_worker(number))?;
        threads.push(started);
        Ok(())
    }

    /// The threads end when there is nothing left to do.
    pub(crate) fn end_workers(&self) {
        self.scheduler.lock().end();
        self.workers.threads.lock().iter().for_each(Thread::unpark);
        self.endings.close();
        self.detector.close();
        self.store.gatherings().close();
        self.journal.iter().for_each(JournalHandle::close);
    }

    /// Waits until the threads have ended, at most for `longest`.
    pub(crate) fn join_workers(&self, longest: Duration) {
        self.workers.join(longest);
        self.store.collect_now();
        self.journal.iter().for_each(JournalHandle::join);
    }

    fn run_worker(self: Arc<Self>, number: usize) {
        // What guests wait for (files, sockets, timers) is tokio's.
        let inside = self.tokio.enter();
        WORKERS.set(self.workers.number);
        let state = self.workers.states.begin();
        self.workers.states.rise(&state);
        STATE.set(Some(state.clone()));
        // A panic in a turn is a fault of the host's: it ends the turn, and not the thread.
        while !self.survives("looked for work", || self.work(number, &state)) {}
        STATE.set(None);
        state.rest();
        drop(inside);
    }

    fn work(self: &Arc<Self>, number: usize, state: &WorkerState) {
        let mut seated = 0;
        loop {
            state.beat();
            if let Some(job) = state.take_lifo_job() {
                seated += 1;
                if seated <= LIFO_JOBS_MAX {
                    state.work_for(job.metadata().module.0);
                    self.go_on(job);
                    continue;
                }
                self.resume_soon(job);
            }
            seated = 0;
            match self.next(number) {
                Next::Resume(job) => {
                    state.work_for(job.metadata().module.0);
                    self.go_on(job);
                }
                Next::Start(task) => {
                    state.work_for(task.owner());
                    self.start(task);
                }
                // Others who wait for the scheduler come first.
                Next::Again => std::thread::yield_now(),
                Next::Look(since) => self.detector.look(since),
                Next::Nobody => self.rest(number, state),
                Next::Stuck => {
                    self.suspect_a_standstill();
                    self.rest(number, state);
                }
                // Who was woken when the scheduler was let go may sit here.
                Next::Over if state.has_lifo_job() => self.scheduler.lock().stay(number),
                Next::Over => return,
            }
        }
    }

    /// A job that was woken is whichever thread's comes for it.
    pub(super) fn resume_soon(&self, job: Job) {
        let Tag { priority, module, .. } = *job.metadata();
        let refused = self.scheduler.lock().resume_soon(priority, module, job, Wants::Woken);
        drop(refused);
    }

    /// What to do next. Where there is more than that, another thread is woken, which does the same.
    fn next(&self, number: usize) -> Next<Job> {
        let (next, other) = self.scheduler.next(number);
        self.workers.wake(other);
        next
    }

    /// Sleeps until there is something to do.
    fn rest(&self, number: usize, state: &WorkerState) {
        state.rest();
        std::thread::park();
        self.workers.states.rise(state);
        self.scheduler.rise(number);
    }

    /// Wakes a thread, if there is something to do that nobody does. For whoever made work and goes on with something
    /// else; a thread that is about to ask for work itself need not.
    pub(super) fn dispatch(&self) {
        self.workers.wake(self.scheduler.rouse());
    }

    /// Starts a task that holds its permits.
    fn start(self: &Arc<Self>, task: Arc<TaskRecord>) {
        let (priority, module) = (task.spec.plan.priority, task.spec.module.id);
        match &task.spec.work {
            Work::Construct { actor } => {
                let tag = Tag { priority, module, actor: Some(actor.spec.id) };
                self.go_on(self.job(tag, self.clone().live(task)));
            }
            _ => self.go_on(self.job(Tag { priority, module, actor: None }, self.clone().run(task))),
        }
    }

    /// Polls a job. A panic is a fault of the host's, or of an embedder's function: it ends the job, and not the thread.
    fn go_on(&self, job: Job) {
        // The thread of an embedder, one that began as such a thread's, or one on which it was called since.
        use_default_modes();
        self.survives("ran a job, whose task has failed", || {
            job.run();
        });
    }

    /// A job, to be run now.
    pub(super) fn job(self: &Arc<Self>, tag: Tag, future: impl Future<Output = ()> + Send + 'static) -> Job {
        // Not counted: whoever keeps a waker, as a clock may, would keep the host.
        let runtime = self.me.clone();
        let schedule = move |job: Job, info: ScheduleInfo| {
            if let Some(runtime) = runtime.upgrade() {
                runtime.schedule(job, info);
            }
        };
        let (job, handle) = Builder::new().metadata(tag).spawn(move |_| future, async_task::WithInfo(schedule));
        handle.detach();
        job
    }

    /// A job wants a thread.
    fn schedule(&self, job: Job, info: ScheduleInfo) {
        let here = self.workers.is_here();
        let wants = if info.woken_while_running { Wants::Preempted } else { Wants::Woken };
        let job = match job {
            job if here && wants == Wants::Woken => match sit_down(job) {
                None => return,
                Some(job) => job,
            },
            job => job,
        };
        let (thread, refused) = {
            let mut scheduler = self.scheduler.lock();
            let Tag { priority, module, .. } = *job.metadata();
            let refused = scheduler.resume_soon(priority, module, job, wants);
            // A preempted job's thread asks for work next, and may get the same job again.
            (if here && wants == Wants::Preempted { None } else { scheduler.rouse() }, refused)
        };
        self.workers.wake(thread);
        // The workers have left: what it holds goes with it, and fails its task.
        drop(refused);
    }

    /// Lends the waiting thread to the task that it waits for, if that is the next to run: until it waits for something,
    /// or has used a slice of fuel. Waking another worker, and being woken by it, would take longer than most tasks.
    pub(crate) fn help(self: &Arc<Self>, object: &ObjectRef) {
        // An embedder that calculates in other modes goes on in them.
        let may_help = self.helping && WORKERS.get() == 0 && floating_point::are_default();
        let Some(task) = object.producer().filter(|_| may_help) else {
            return;
        };
        let inside = self.tokio.enter();
        match &task.spec.work {
            Work::Task { .. } => {
                if self.scheduler.lock().next_if(&task) {
                    self.start(task);
                }
            }
            Work::Call { actor, .. } => {
                let is_its = |job: &Job| job.metadata().actor == Some(actor.spec.id);
                let job = self.scheduler.lock().woken_if(is_its);
                job.into_iter().for_each(|job| self.go_on(job));
            }
            Work::Construct { .. } | Work::Main { .. } => {}
        }
        drop(inside);
        // It does not ask for more work itself.
        self.dispatch();
    }
}
