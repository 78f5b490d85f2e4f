//! What one test has for a host: its frames, objects, actors and its clock. Nothing is shared between tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::actor::Actor;
use super::actor_spec::ActorSpec;
use super::exports::Exports;
use super::frame::Frame;
use super::job::{Job, Order, Work};
use super::let_go::LetGoList;
use super::names::Names;
use super::object::{Object, ObjectStore, Outcome, Waiter};
use super::plan::Plan;
use super::ready_queue::{ReadyQueue, Turn};
use super::sync::lock;
use super::timers::Timers;
use crate::bindings::rustyray::core::types::TaskError;

/// One test's host. Of its frames one has its turn, so that no two of these locks are ever fought for.
pub(crate) struct World {
    /// What its tasks and actors are of.
    pub(super) program: Exports,
    /// What the test's clock shows at first, on that of the machine.
    began: Instant,
    objects: Arc<AtomicUsize>,
    numbers: AtomicU64,
    halted: AtomicBool,
    pub(super) test: Arc<Job>,
    /// Those that are not done, by their numbers.
    pub(super) jobs: Mutex<BTreeMap<u64, Arc<Job>>>,
    /// Those that are not dead, or that somebody holds.
    pub(super) actors: Mutex<BTreeMap<u64, Arc<Actor>>>,
    pub(super) ready: Mutex<ReadyQueue>,
    pub(super) timers: Mutex<Timers>,
    pub(super) frames: Mutex<BTreeMap<u64, Arc<Frame>>>,
    pub(super) threads: Mutex<Threads>,
    pub(super) names: Mutex<Names>,
    pub(super) let_go: Arc<LetGoList>,
    /// Jobs that cannot begin, because an argument failed.
    failing: Mutex<VecDeque<Arc<Job>>>,
    #[cfg(test)]
    pub(crate) recorded: Mutex<super::mock::Recorded>,
}

/// The threads of the frames.
#[derive(Default)]
pub(super) struct Threads {
    pub(super) running: BTreeMap<u64, JoinHandle<()>>,
    /// Those whose frame is over, and which are on their way out.
    pub(super) leaving: Vec<JoinHandle<()>>,
    /// Jobs that wait for a thread.
    pub(super) wanted: VecDeque<Arc<Job>>,
}

impl World {
    /// A world, and the frame of its test.
    pub(super) fn new(program: Exports) -> (Arc<Self>, Arc<Frame>) {
        let objects = Arc::new(AtomicUsize::new(0));
        let order = Order {
            function: "test".to_owned(),
            work: Work::Test,
            plan: Plan::default(),
            arguments: Vec::new(),
            stream: None,
        };
        // What the test makes is no object: it is not counted.
        let test = Job::new(0, order, Object::promise(0, &Arc::default()), None);
        let frame = Frame::new(0, test.clone());
        let world = Self {
            program,
            began: Instant::now(),
            objects,
            numbers: AtomicU64::new(1),
            halted: AtomicBool::new(false),
            test,
            jobs: Mutex::default(),
            actors: Mutex::default(),
            ready: Mutex::default(),
            timers: Mutex::default(),
            frames: Mutex::new(BTreeMap::from([(0, frame.clone())])),
            threads: Mutex::default(),
            names: Mutex::default(),
            let_go: Arc::default(),
            failing: Mutex::default(),
            #[cfg(test)]
            recorded: Mutex::default(),
        };
        (Arc::new(world), frame)
    }

    /// Another number, higher than all before: of a job, an object, an actor or a wait.
    pub(super) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    /// Nanoseconds that the test's clock has gone.
    pub(super) fn now(&self) -> u64 {
        lock(&self.timers).now()
    }

    /// The test's clock.
    pub(super) fn instant(&self) -> Instant {
        self.began + Duration::from_nanos(self.now())
    }

    /// Is the test over?
    pub(super) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    pub(super) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// A job with a number of its own.
    pub(super) fn new_job(&self, order: Order, parent: &Arc<Job>) -> Arc<Job> {
        let number = self.number();
        self.add_job(number, order, self.promise(), parent)
    }

    /// A job that makes `output`.
    pub(super) fn add_job(&self, number: u64, order: Order, output: Arc<Object>, parent: &Arc<Job>) -> Arc<Job> {
        let job = Job::new(number, order, output, Some(parent));
        lock(&self.jobs).insert(number, job.clone());
        job
    }

    /// One that is not done.
    pub(super) fn job(&self, number: u64) -> Option<Arc<Job>> {
        lock(&self.jobs).get(&number).cloned()
    }

    /// The job that makes an object, unless it is there.
    pub(super) fn producer(&self, object: &Object) -> Option<Arc<Job>> {
        self.job(object.producer()?)
    }

    pub(super) fn frame(&self, number: u64) -> Option<Arc<Frame>> {
        lock(&self.frames).get(&number).cloned()
    }

    /// The frame that a job runs in.
    pub(super) fn frame_of(&self, job: &Job) -> Option<Arc<Frame>> {
        self.frame(job.frame()?)
    }

    pub(super) fn actor(&self, spec: &ActorSpec) -> Option<Arc<Actor>> {
        lock(&self.actors).get(&spec.id).cloned()
    }

    /// The actor that a job constructs or calls.
    pub(super) fn actor_of(&self, job: &Job) -> Option<Arc<Actor>> {
        self.actor(job.actor()?)
    }

    /// Forgets an actor that is dead and that nobody holds.
    pub(super) fn forget_if_gone(&self, actor: &Actor) {
        if actor.is_closing() && actor.death().is_some() {
            let gone = lock(&self.actors).remove(&actor.spec.id);
            drop(gone);
        }
    }

    /// One of the objects of a frame's wait is there.
    fn arrived(&self, frame: u64, wait: u64) {
        if let Some(frame) = self.frame(frame).filter(|frame| frame.arrived(wait)) {
            self.ready(Turn::Go(frame));
        }
    }

    pub(super) fn argument_arrived(&self, job: &Arc<Job>, error: Option<&Arc<TaskError>>) {
        if job.argument_arrived(error) {
            self.released(job);
        }
    }

    /// Nothing is left that the job waits for.
    pub(super) fn released(&self, job: &Arc<Job>) {
        match &job.work {
            // In its place among the other calls.
            Work::Call(..) => self.look_at_mailbox_of(job),
            _ if job.failed_argument().is_some() => self.fails(job),
            _ => self.ready(Turn::Begin(job.clone())),
        }
    }

    /// The job cannot begin. It is told later, one after the other: a long chain that fails would fail by recursion.
    pub(super) fn fails(&self, job: &Arc<Job>) {
        lock(&self.failing).push_back(job.clone());
    }

    /// The next job that cannot begin.
    pub(super) fn next_failing(&self) -> Option<Arc<Job>> {
        lock(&self.failing).pop_front()
    }

    /// Is nothing left to be let go of or to be failed?
    pub(super) fn has_tidied_up(&self) -> bool {
        self.let_go.is_empty() && lock(&self.failing).is_empty()
    }

    pub(super) fn look_at_mailbox_of(&self, call: &Job) {
        self.actor_of(call).into_iter().for_each(|actor| self.look_at_mailbox(&actor));
    }

    /// Has the actor look at its mailbox, if it has nothing else to do, or serves several calls at once.
    pub(super) fn look_at_mailbox(&self, actor: &Actor) {
        let Some(frame) = actor.frame().and_then(|frame| self.frame(frame)) else { return };
        if let Some(concurrent_calls) = frame.concurrent_calls() {
            self.take_beside(&frame, &concurrent_calls);
        }
        self.rouse_idle(&frame);
    }

    /// Has the frame of an actor go on, if that waits for a call.
    pub(super) fn rouse_idle(&self, frame: &Arc<Frame>) {
        if frame.is_idle() {
            self.rouse(frame);
        }
    }

    /// Has a frame go on, if it waits.
    pub(super) fn rouse(&self, frame: &Arc<Frame>) {
        if frame.rouse() {
            self.ready(Turn::Go(frame.clone()));
        }
    }
}

impl ObjectStore for World {
    fn promise(&self) -> Arc<Object> {
        Object::promise(self.number(), &self.objects)
    }

    fn seal(&self, object: &Object, outcome: Outcome) {
        let error = outcome.as_ref().err().cloned();
        for waiter in object.seal(outcome) {
            match waiter {
                Waiter::Frame(frame, number) => self.arrived(frame, number),
                Waiter::Job(job) => {
                    self.job(job).into_iter().for_each(|job| self.argument_arrived(&job, error.as_ref()));
                }
            }
        }
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}
