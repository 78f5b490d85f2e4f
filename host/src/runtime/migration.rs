//! An actor that moves to the version of its module that is there now: between two calls its state is saved, and another instance
//! of the other code restored from it. Where that fails it lives on as it was.

use std::sync::Arc;

use super::Runtime;
use super::submit::find_constructor;
use crate::sandbox::Instance;
use crate::state::actor::migration::Home;
use crate::state::actor::move_turns::MovePlace;
use crate::state::actor::plans::ActorPlans;
use crate::state::actor::{ActorRecord, ActorRef};
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Arguments, Encoding, Payload};
use crate::state::task::cancellation::Cancellation;
use crate::state::task::{TaskRecord, TaskSpec, Work};
use crate::types::clock::Moment;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::MOVE_TIME;
use crate::types::manifest::ActorTypeInfo;
use crate::types::module_info::ModuleInfo;
use crate::types::plan::TaskPlan;

/// What became of the instance, and of the move.
type Moved = (Result<Instance, TaskError>, Result<(), TaskError>);

impl Runtime {
    /// Has the actor move before its next call. Ready, without a value, when it has; its error is why it did not.
    pub(super) fn ask_to_move(&self, actor: &ActorRef) -> ObjectRef {
        let actor = actor.record();
        match actor.moves.ask(|| self.store.promise()) {
            Ok(done) => {
                actor.mailbox.ask_to_move();
                done
            }
            Err(cause) => {
                let dead = TaskError::new(ErrorKind::ActorDied, "the actor is dead").caused_by(&cause);
                self.store.sealed(Err(Arc::new(dead)))
            }
        }
    }

    /// Is the actor to move? Where it is there already, or never can be, whoever asked is told so at once.
    pub(super) fn is_to_move(&self, actor: &Arc<ActorRecord>, construct: &TaskRecord) -> bool {
        if !actor.moves.is_asked() {
            return false;
        }
        let outcome = match self.next_home(actor, construct) {
            Some(Ok(_)) => return true,
            Some(Err(error)) => Err(error),
            None => Ok(()),
        };
        self.tell_of_move(actor.moves.take(), outcome);
        false
    }

    fn tell_of_move(&self, asked: Option<ObjectRef>, outcome: Result<(), TaskError>) {
        if let Some(asked) = asked {
            let nothing = || self.store.token(Payload::new(Encoding::Bincode, ""));
            asked.seal(outcome.map_err(Arc::new).map(|()| nothing()), None);
            self.dispatch();
        }
    }

    /// How it would live on the version that is there now; `None` where it does already.
    fn next_home(&self, actor: &ActorRecord, construct: &TaskRecord) -> Option<Result<Home, TaskError>> {
        let here = actor.module();
        let there = self.modules.current(here.id).filter(|there| !Arc::ptr_eq(there, &here))?;
        Some(self.home(actor, there, construct))
    }

    /// A place among those that are to move. It is invited to do so when its turn comes.
    pub(super) fn stand_in_line_to_move(&self, actor: &Arc<ActorRecord>) -> MovePlace {
        let invited = Arc::downgrade(actor);
        let invite = move || invited.upgrade().iter().for_each(|actor| actor.mailbox.ask_to_move());
        self.actors.moves.enter(actor.spec.module.id.0, invite)
    }

    /// Moves the actor, whose turn it is, and tells who asked for it.
    ///
    /// # Errors
    /// What ended the instance that it had.
    pub(super) async fn move_actor_now(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        construct: &Arc<TaskRecord>,
        instance: Instance,
        turn: MovePlace,
    ) -> Result<Instance, TaskError> {
        let asked = actor.moves.take();
        let (instance, outcome) = self.moved(actor, construct, instance).await;
        // The other instance is gone.
        drop(turn);
        self.tell_of_move(asked, outcome);
        instance
    }

    async fn moved(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        construct: &Arc<TaskRecord>,
        instance: Instance,
    ) -> Moved {
        let home = match self.next_home(actor, construct) {
            Some(Ok(home)) => home,
            Some(Err(error)) => return (Ok(instance), Err(error)),
            None => return (Ok(instance), Ok(())),
        };
        let (instance, state) = match self.state_of(actor, construct, instance).await {
            Ok((instance, Ok(state))) => (instance, state),
            Ok((instance, Err(refused))) => return (Ok(instance), Err(refused)),
            Err(error) => return (Err(error.clone()), Err(error)),
        };
        match self.restored_at(actor, &home, construct, state.clone()).await {
            Ok(moved) => {
                drop(instance);
                actor.moves.settle(home);
                if let Some(saved) = &actor.saved {
                    // A restart restores it there, too.
                    self.keep_state(actor, saved, state).await;
                    saved.settled();
                }
                (Ok(moved), Ok(()))
            }
            Err(error) => (Ok(instance), Err(error)),
        }
    }

    /// How the actor would live on this version. It keeps what it holds, and lives as it was created.
    fn home(&self, actor: &ActorRecord, there: Arc<ModuleInfo>, construct: &TaskRecord) -> Result<Home, TaskError> {
        let spec = &actor.spec;
        let (declared, constructor) = find_constructor(&there, &spec.type_name, &spec.constructor)?;
        if actor.saved.is_none() || declared.checkpoint.is_none() {
            return Err(no_checkpoints(declared));
        }
        let held = &construct.spec.plan;
        let plan = TaskPlan::constructor(declared, constructor, spec.options.call.clone(), &self.limits);
        let mut plan = plan.within(&held.limits);
        plan.needs = held.needs.clone();
        plan.limits.memory_bytes = held.limits.memory_bytes;
        let of_type = there.plans.calls(&spec.type_name);
        let as_declared = spec.options.call.is_empty() && declared.options.call.is_empty();
        let plans = ActorPlans::new(of_type.filter(|_| as_declared));
        Ok(Home { plans, construct: Arc::new(plan), module: there })
    }

    /// The instance, and its state or why that cannot be kept.
    async fn state_of(
        self: &Arc<Self>,
        actor: &ActorRecord,
        construct: &Arc<TaskRecord>,
        mut instance: Instance,
    ) -> Result<(Instance, Result<Payload, TaskError>), TaskError> {
        instance.serve(construct.clone());
        let saving = async move { instance.save().await.map(|state| (instance, state)) };
        self.saved_in_time(actor, construct, saving).await
    }

    /// A new instance of that version with this state.
    async fn restored_at(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        home: &Home,
        construct: &TaskRecord,
        state: Payload,
    ) -> Result<Instance, TaskError> {
        let task = self.moving_task(home, construct);
        let slot = Cancellation::new();
        if !task.begin(slot.clone(), self.clock.now()) {
            return Err(TaskError::new(ErrorKind::ActorDied, "it was ended before it moved"));
        }
        let place = self.watch_running(actor, &task);
        let (runtime, restoring, type_name) = (self.clone(), task.clone(), actor.spec.type_name.clone());
        let restored = async move {
            let mut instance = runtime.instance(&restoring).await?;
            instance.restore(&type_name, &state).await.map(|()| instance)
        };
        let guest = self.sheltered(restored, Err);
        let ended = slot.run(guest, || task.meter().preempted()).await;
        self.unwatch_running(actor, place);
        let restored = ended.unwrap_or_else(|reason| Err(self.stopped(&task, reason)));
        let restored = restored.map_err(|error| task.describe(error));
        // Not as other tasks are: a constructor that fails ends its actor.
        let outcome =
            restored.as_ref().map(|_| Payload::new(Encoding::Bincode, "")).map_err(|error| Arc::new(error.clone()));
        let outcome = outcome.map(|nothing| self.store.token(nothing));
        let failed = restored.is_err();
        let finished = task.finish(outcome, failed, Moment::of(&*self.clock), |receipt| self.account(receipt));
        self.end_family(finished.and_then(|finished| finished.to_end));
        restored
    }

    fn moving_task(&self, home: &Home, construct: &TaskRecord) -> Arc<TaskRecord> {
        let mut plan = TaskPlan::clone(&home.construct);
        plan.limits.timeout = Some(plan.limits.timeout.map_or(MOVE_TIME, |timeout| timeout.min(MOVE_TIME)));
        let spec = TaskSpec {
            id: self.task_ids.next(),
            module: home.module.clone(),
            plan: Arc::new(plan),
            queued: self.clock.now(),
            inherited_deadline: None,
            within_grace: false,
            budget: construct.spec.budget.clone(),
            ..construct.spec.clone()
        };
        TaskRecord::new(spec, false, Arguments::default(), self.store.promise(), self.sink())
    }
}

/// Has a constructor that runs again do so where the actor lives now.
pub(super) fn at_home(spec: &mut TaskSpec) {
    if let Work::Construct { actor } = &spec.work
        && let Some(home) = actor.moves.home()
    {
        (spec.module, spec.plan) = (home.module.clone(), home.construct.clone());
    }
}

fn no_checkpoints(declared: &ActorTypeInfo) -> TaskError {
    let name = &declared.name;
    let text = match declared.serves_several() {
        true => format!("the actor {name} serves several calls at once, and has no moment to move: create a new actor"),
        false => format!(
            "the actor {name} saves no state that could move, here or there: declare `#[rustyray::actor(checkpoint)]`, or create \
             a new actor"
        ),
    };
    TaskError::new(ErrorKind::InvalidArgument, text)
}
