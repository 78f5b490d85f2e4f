//! What one test has for a host: its instances, objects, actors and its clock. Nothing is shared between tests.

pub(crate) mod actors;
pub(crate) mod cancel;
pub(crate) mod concurrent_calls;
pub(crate) mod current;
pub(crate) mod deadlocks;
#[cfg(test)]
pub(crate) mod recorder;
pub(crate) mod scheduler;
pub(crate) mod stream_ref;
pub(crate) mod submit;
pub(crate) mod waiting;
pub(crate) mod worker;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::bindings::rustyray::core::types::TaskError;
use crate::sim::exports::Exports;
use crate::sim::plan::Plan;
use crate::sim::state::actor::ActorRecord;
use crate::sim::state::actor_spec::ActorSpec;
use crate::sim::state::instance::Instance;
use crate::sim::state::let_go::LetGoList;
use crate::sim::state::names::ActorNames;
use crate::sim::state::object::{Object, ObjectStore, Outcome, Waiter};
use crate::sim::state::ready_queue::{ReadyQueue, Turn};
use crate::sim::state::task::{TaskRecord, TaskSpec, Work};
use crate::sim::state::timers::Timers;
use crate::sim::sync::lock;

/// One test's host. Of its instances one has its turn, so that no two of these locks are ever fought for.
pub(crate) struct Runtime {
    /// What its tasks and actors are of.
    pub(crate) program: Exports,
    /// What the test's clock shows at first, on that of the machine.
    began: Instant,
    objects: Arc<AtomicUsize>,
    numbers: AtomicU64,
    halted: AtomicBool,
    pub(crate) test: Arc<TaskRecord>,
    /// Those that are not done, by their numbers.
    pub(crate) tasks: Mutex<BTreeMap<u64, Arc<TaskRecord>>>,
    /// Those that are not dead, or that somebody holds.
    pub(crate) actors: Mutex<BTreeMap<u64, Arc<ActorRecord>>>,
    pub(crate) ready: Mutex<ReadyQueue>,
    pub(crate) timers: Mutex<Timers>,
    pub(crate) instances: Mutex<BTreeMap<u64, Arc<Instance>>>,
    pub(crate) threads: Mutex<Threads>,
    pub(crate) names: Mutex<ActorNames>,
    pub(crate) let_go: Arc<LetGoList>,
    /// Tasks that cannot begin, because an argument failed.
    failing: Mutex<VecDeque<Arc<TaskRecord>>>,
    #[cfg(test)]
    pub(crate) recorded: Mutex<crate::sim::state::recorded::Recorded>,
}

/// The threads of the instances.
#[derive(Default)]
pub(crate) struct Threads {
    pub(crate) running: BTreeMap<u64, JoinHandle<()>>,
    /// Those whose instance is over, and which are on their way out.
    pub(crate) leaving: Vec<JoinHandle<()>>,
    /// Tasks that wait for a thread.
    pub(crate) wanted: VecDeque<Arc<TaskRecord>>,
}

impl Runtime {
    /// A runtime, and the instance of its test.
    pub(crate) fn new(program: Exports) -> (Arc<Self>, Arc<Instance>) {
        let objects = Arc::new(AtomicUsize::new(0));
        let spec = TaskSpec {
            function: "test".to_owned(),
            work: Work::Test,
            plan: Plan::default(),
            arguments: Vec::new(),
            stream: None,
        };
        // What the test makes is no object: it is not counted.
        let test = TaskRecord::new(0, spec, Object::promise(0, &Arc::default()), None);
        let instance = Instance::new(0, test.clone());
        let runtime = Self {
            program,
            began: Instant::now(),
            objects,
            numbers: AtomicU64::new(1),
            halted: AtomicBool::new(false),
            test,
            tasks: Mutex::default(),
            actors: Mutex::default(),
            ready: Mutex::default(),
            timers: Mutex::default(),
            instances: Mutex::new(BTreeMap::from([(0, instance.clone())])),
            threads: Mutex::default(),
            names: Mutex::default(),
            let_go: Arc::default(),
            failing: Mutex::default(),
            #[cfg(test)]
            recorded: Mutex::default(),
        };
        (Arc::new(runtime), instance)
    }

    /// Another number, higher than all before: of a task, an object, an actor or a wait.
    pub(crate) fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// How many objects there are.
    pub(crate) fn objects(&self) -> usize {
        self.objects.load(Ordering::Relaxed)
    }

    /// Nanoseconds that the test's clock has gone.
    pub(crate) fn now(&self) -> u64 {
        lock(&self.timers).now()
    }

    /// The test's clock.
    pub(crate) fn instant(&self) -> Instant {
        self.began + Duration::from_nanos(self.now())
    }

    /// Is the test over?
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    pub(crate) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// A task with a number of its own.
    pub(crate) fn new_task(&self, spec: TaskSpec, parent: &Arc<TaskRecord>) -> Arc<TaskRecord> {
        let number = self.number();
        self.add_task(number, spec, self.promise(), parent)
    }

    /// A task that makes `output`.
    pub(crate) fn add_task(
        &self,
        number: u64,
        spec: TaskSpec,
        output: Arc<Object>,
        parent: &Arc<TaskRecord>,
    ) -> Arc<TaskRecord> {
        let task = TaskRecord::new(number, spec, output, Some(parent));
        lock(&self.tasks).insert(number, task.clone());
        task
    }

    /// One that is not done.
    pub(crate) fn task(&self, number: u64) -> Option<Arc<TaskRecord>> {
        lock(&self.tasks).get(&number).cloned()
    }

    /// The task that makes an object, unless it is there.
    pub(crate) fn producer(&self, object: &Object) -> Option<Arc<TaskRecord>> {
        self.task(object.producer()?)
    }

    pub(crate) fn instance(&self, number: u64) -> Option<Arc<Instance>> {
        lock(&self.instances).get(&number).cloned()
    }

    /// The instance that a task runs in.
    pub(crate) fn instance_of(&self, task: &TaskRecord) -> Option<Arc<Instance>> {
        self.instance(task.instance()?)
    }

    pub(crate) fn actor(&self, spec: &ActorSpec) -> Option<Arc<ActorRecord>> {
        lock(&self.actors).get(&spec.id).cloned()
    }

    /// The actor that a task constructs or calls.
    pub(crate) fn actor_of(&self, task: &TaskRecord) -> Option<Arc<ActorRecord>> {
        self.actor(task.actor()?)
    }

    /// Forgets an actor that is dead and that nobody holds.
    pub(crate) fn forget_if_gone(&self, actor: &ActorRecord) {
        if actor.is_closing() && actor.death().is_some() {
            let gone = lock(&self.actors).remove(&actor.spec.id);
            drop(gone);
        }
    }

    /// One of the objects of an instance's wait is there.
    fn arrived(&self, instance: u64, wait: u64) {
        if let Some(instance) = self.instance(instance).filter(|instance| instance.arrived(wait)) {
            self.ready(Turn::Go(instance));
        }
    }

    pub(crate) fn argument_arrived(&self, task: &Arc<TaskRecord>, error: Option<&Arc<TaskError>>) {
        if task.argument_arrived(error) {
            self.released(task);
        }
    }

    /// Nothing is left that the task waits for.
    pub(crate) fn released(&self, task: &Arc<TaskRecord>) {
        match &task.work {
            // In its place among the other calls.
            Work::Call(..) => self.look_at_mailbox_of(task),
            _ if task.failed_argument().is_some() => self.fails(task),
            _ => self.ready(Turn::Begin(task.clone())),
        }
    }

    /// The task cannot begin. It is told later, one after the other: a long chain that fails would fail by recursion.
    pub(crate) fn fails(&self, task: &Arc<TaskRecord>) {
        lock(&self.failing).push_back(task.clone());
    }

    /// The next task that cannot begin.
    pub(crate) fn next_failing(&self) -> Option<Arc<TaskRecord>> {
        lock(&self.failing).pop_front()
    }

    /// Is nothing left to be let go of or to be failed?
    pub(crate) fn has_tidied_up(&self) -> bool {
        self.let_go.is_empty() && lock(&self.failing).is_empty()
    }

    pub(crate) fn look_at_mailbox_of(&self, call: &TaskRecord) {
        self.actor_of(call).into_iter().for_each(|actor| self.look_at_mailbox(&actor));
    }

    /// Has the actor look at its mailbox, if it has nothing else to do, or serves several calls at once.
    pub(crate) fn look_at_mailbox(&self, actor: &ActorRecord) {
        let Some(instance) = actor.instance().and_then(|instance| self.instance(instance)) else { return };
        if let Some(concurrent_calls) = instance.concurrent_calls() {
            self.take_beside(&instance, &concurrent_calls);
        }
        self.rouse_idle(&instance);
    }

    /// Has the instance of an actor go on, if that waits for a call.
    pub(crate) fn rouse_idle(&self, instance: &Arc<Instance>) {
        if instance.is_idle() {
            self.rouse(instance);
        }
    }

    /// Has an instance go on, if it waits.
    pub(crate) fn rouse(&self, instance: &Arc<Instance>) {
        if instance.rouse() {
            self.ready(Turn::Go(instance.clone()));
        }
    }
}

impl ObjectStore for Runtime {
    fn promise(&self) -> Arc<Object> {
        Object::promise(self.number(), &self.objects)
    }

    fn seal(&self, object: &Object, outcome: Outcome) {
        let error = outcome.as_ref().err().cloned();
        for waiter in object.seal(outcome) {
            match waiter {
                Waiter::Instance(instance, number) => self.arrived(instance, number),
                Waiter::Task(task) => {
                    self.task(task).into_iter().for_each(|task| self.argument_arrived(&task, error.as_ref()));
                }
            }
        }
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}
