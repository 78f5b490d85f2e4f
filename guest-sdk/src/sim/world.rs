//! What one test has for a host: its frames, objects, actors and its clock. Nothing is shared between tests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::actor::Actor;
use super::exports::Exports;
use super::frame::Frame;
use super::job::{Job, Order, Work};
use super::names::Names;
use super::object::{Object, Outcome, Waiter};
use super::plan::Plan;
use super::sync::lock;
use super::turns::{Turn, Turns};
use super::types::TaskError;

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
    pub(super) turns: Mutex<Turns>,
    pub(super) frames: Mutex<BTreeMap<u64, Arc<Frame>>>,
    pub(super) threads: Mutex<Threads>,
    pub(super) names: Mutex<Names>,
    /// What somebody let go of, and nobody has looked at yet.
    left: Mutex<Vec<Left>>,
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

/// What nobody holds any more.
pub(super) enum Left {
    Actor(Arc<Actor>),
    Stream(Weak<Job>),
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
            turns: Mutex::default(),
            frames: Mutex::new(BTreeMap::from([(0, frame.clone())])),
            threads: Mutex::default(),
            names: Mutex::default(),
            left: Mutex::default(),
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
        lock(&self.turns).now
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

    /// An object that is to come.
    pub(super) fn promise(&self) -> Arc<Object> {
        Object::promise(self.number(), &self.objects)
    }

    /// An object that is there.
    pub(super) fn sealed(&self, outcome: Outcome) -> Arc<Object> {
        let object = self.promise();
        object.seal(outcome);
        object
    }

    /// Gives an object its outcome, and tells all who wait for it.
    pub(super) fn seal(&self, object: &Object, outcome: Outcome) {
        let error = outcome.as_ref().err().cloned();
        for waiter in object.seal(outcome) {
            match waiter {
                Waiter::Frame(frame, number) if frame.arrived(number) => self.ready(Turn::Go(frame)),
                Waiter::Frame(..) => {}
                Waiter::Job(job) => self.argument_arrived(&job, error.as_ref()),
            }
        }
    }

    fn argument_arrived(&self, job: &Arc<Job>, error: Option<&Arc<TaskError>>) {
        if job.argument_arrived(error) {
            self.released(job);
        }
    }

    /// Nothing is left that the job waits for.
    pub(super) fn released(&self, job: &Arc<Job>) {
        match &job.work {
            // In its place among the other calls.
            Work::Call(actor, _) => self.look_at_mailbox(actor),
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
        lock(&self.left).is_empty() && lock(&self.failing).is_empty()
    }

    /// Has the actor look at its mailbox, if it has nothing else to do, or serves several calls at once.
    pub(super) fn look_at_mailbox(&self, actor: &Actor) {
        let Some(frame) = actor.frame() else { return };
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

    /// Notes what somebody let go of. It is seen when the next frame has its turn.
    pub(super) fn left(&self, left: Left) {
        lock(&self.left).push(left);
    }

    /// All that was let go of since the last time.
    pub(super) fn take_left(&self) -> Vec<Left> {
        std::mem::take(&mut *lock(&self.left))
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}
