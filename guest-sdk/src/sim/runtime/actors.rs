//! The life of an actor: constructed, serving calls in order, started again when it crashes, and buried.

use std::sync::Arc;

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::error::{caused_by, dependency_failed};
use crate::sim::exports::REPLY;
use crate::sim::runtime::Runtime;
use crate::sim::runtime::worker::guarded;
use crate::sim::state::actor::{ActorRecord, Event};
use crate::sim::state::instance::Instance;
use crate::sim::state::object::{ObjectStore, Value};
use crate::sim::state::payload::Payload;
use crate::sim::state::ready_queue::Turn;
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::task::{TaskRecord, TaskSpec, Work};
use crate::sim::state::timers::Alarm;
use crate::sim::sync::lock;

/// Why an actor's instance is over.
enum End {
    /// It may start again.
    Broken(TaskError),
    /// It may not.
    Dead(TaskError),
}

/// How a call left the actor.
pub(crate) type Served = Result<(), TaskError>;

impl Runtime {
    /// Lives one generation of an actor.
    pub(crate) fn live(self: &Arc<Self>, instance: &Arc<Instance>, construct: &Arc<TaskRecord>) {
        let Some(actor) = &self.actor_of(construct) else {
            // Killed and let go of before it began: who waited for it was told.
            return self.settle(construct, Err(died("it was ended before it began")));
        };
        if let Some(cause) = actor.death() {
            return self.settle(construct, Err(TaskError::clone(&cause)));
        }
        let generation = actor.starts(instance.id);
        if !actor.spec.may_restart(generation) {
            actor.keep_arguments(Vec::new());
        }
        let end = match self.construct(instance, actor, construct) {
            Ok(()) => self.serve(instance, actor, construct, actor.spec.may_restart(generation)),
            Err(error) => {
                actor.leaves();
                // Who made the actor is told of the first start, and nobody of the others.
                let again =
                    generation > 1 && error.kind == ErrorKind::WorkerCrashed && actor.spec.may_restart(generation);
                if again && !self.is_halted() {
                    self.settle(construct, Ok(Value::bytes(&[])));
                    return self.construct_again(actor, construct);
                }
                return self.settle(construct, Err(error));
            }
        };
        actor.leaves();
        match end {
            End::Broken(_) if actor.spec.may_restart(generation) && !self.is_halted() => {
                self.construct_again(actor, construct)
            }
            End::Broken(error) | End::Dead(error) => self.bury(actor, Arc::new(described(actor, error))),
        }
    }

    fn construct(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        actor: &Arc<ActorRecord>,
        task: &Arc<TaskRecord>,
    ) -> Result<(), TaskError> {
        let arguments = task.begin(instance.id, self.now()).ok_or_else(|| died("it was ended before it began"))?;
        self.watch_deadline(task);
        actor.set_running(Some(task));
        if !self.restored(instance, actor) {
            let arguments = arguments.map_err(|cause| dependency_failed(&cause))?;
            let made = guarded(instance, || {
                (self.program.construct)(&actor.spec.type_name, &actor.spec.constructor, arguments)
            });
            self.outcome(task, made)?;
        }
        actor.set_running(None);
        actor.serves();
        self.settle(task, Ok(Value::bytes(&[])));
        Ok(())
    }

    /// A task for constructing the actor once more.
    fn construct_again(self: &Arc<Self>, actor: &ActorRecord, last: &TaskRecord) {
        let spec = TaskSpec {
            function: last.function.clone(),
            work: Work::Construct(actor.spec.clone()),
            plan: last.plan.clone(),
            arguments: actor.arguments(),
            stream: None,
        };
        self.ready(Turn::Begin(self.new_task(spec, &self.test)));
    }

    /// Serves calls until the actor ends.
    fn serve(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        actor: &Arc<ActorRecord>,
        construct: &Arc<TaskRecord>,
        may_restart: bool,
    ) -> End {
        loop {
            let call = match self.next_event(instance, actor) {
                Event::Call(call) => call,
                Event::Kill { restart: true } => return End::Broken(died("it was killed")),
                Event::Kill { restart: false } => return End::Dead(died("it was killed")),
                Event::Exit => return End::Dead(died("it ended itself")),
                Event::Closed => return End::Dead(died("no handle to it is left")),
            };
            let served = match actor.spec.room {
                None => self.serve_call(instance, actor, &call, may_restart),
                Some(_) => self.serve_concurrently(instance, actor, &call, may_restart),
            };
            instance.set_task(construct);
            actor.set_running(None);
            if let Err(error) = served {
                let killed = actor.kill_pending() && !actor.restart_pending();
                let text = "it crashed, and may not restart";
                return match killed {
                    true => End::Dead(died("it was killed")),
                    false => End::Broken(caused_by(died(text), &error)),
                };
            }
        }
    }

    /// Waits for something to do.
    fn next_event(self: &Arc<Self>, instance: &Arc<Instance>, actor: &Arc<ActorRecord>) -> Event {
        loop {
            if self.is_halted() {
                return Event::Kill { restart: false };
            }
            if let Some(event) = actor.next() {
                return event;
            }
            instance.begin_wait(self.number(), Vec::new(), 0, true);
            self.hand_on(instance);
            instance.end_wait();
        }
    }

    fn serve_call(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        actor: &Arc<ActorRecord>,
        call: &Arc<TaskRecord>,
        may_restart: bool,
    ) -> Served {
        let (Work::Call(_, method), Some(arguments)) = (&call.work, call.begin(instance.id, self.now())) else {
            return Ok(());
        };
        let arguments = match arguments {
            Ok(arguments) => arguments,
            Err(cause) => {
                self.settle(call, Err(dependency_failed(&cause)));
                return Ok(());
            }
        };
        instance.set_task(call);
        actor.set_running(Some(call));
        self.watch_deadline(call);
        let answer = guarded(instance, || (self.program.call)(method, arguments, REPLY));
        let lives = answer.is_ok();
        let outcome = self.outcome(call, answer);
        if lives && actor.spec.is_saved() && actor.save_is_due() {
            self.save(instance, actor);
        }
        self.conclude_call(actor, call, outcome, lives, may_restart)
    }

    /// Settles a call, and tells whether the actor outlives it.
    fn conclude_call(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        call: &Arc<TaskRecord>,
        outcome: Result<Payload, TaskError>,
        lives: bool,
        may_restart: bool,
    ) -> Served {
        let error = match outcome {
            Ok(payload) => {
                self.settle(call, Ok(Value::from(payload)));
                return Ok(());
            }
            Err(error) => error,
        };
        let error = actor.killed_to_restart(error, may_restart && !lives);
        if !((lives || may_restart) && self.call_again(actor, call, &error)) {
            let seen = if lives { error.clone() } else { crashed(call, &error, may_restart) };
            self.settle(call, Err(seen));
        }
        if lives { Ok(()) } else { Err(error) }
    }

    /// Has a call that failed served once more, if it may be, before the calls that came later.
    pub(crate) fn call_again(&self, actor: &ActorRecord, call: &Arc<TaskRecord>, failure: &TaskError) -> bool {
        let (again, at) = self.next_attempt(call, failure);
        if again {
            actor.push_first(call);
            if let Some(at) = at {
                self.set_alarm(at, Alarm::Rest(call.clone()));
            }
        }
        again
    }

    /// Makes the actor what it was when it was last saved. False if it was not, or cannot be.
    fn restored(&self, instance: &Arc<Instance>, actor: &ActorRecord) -> bool {
        let Some(state) = actor.state() else { return false };
        let restored =
            matches!(guarded(instance, || (self.program.restore)(&actor.spec.type_name, state.payload())), Ok(Ok(())));
        if !restored {
            actor.keep_state(None);
        }
        restored
    }

    fn save(&self, instance: &Arc<Instance>, actor: &ActorRecord) {
        match guarded(instance, self.program.save) {
            Ok(Ok(state)) => actor.keep_state(Some(Value::from(state))),
            Ok(Err(refused)) => eprintln!("[{}] it cannot be saved: {}", actor.spec.name(), refused.message),
            Err(_) => eprintln!("[{}] it crashed while it was saved", actor.spec.name()),
        }
    }

    /// The actor is dead: its name is free, and whoever waits for it hears why.
    pub(crate) fn bury(self: &Arc<Self>, actor: &Arc<ActorRecord>, cause: Arc<TaskError>) {
        let waiting = actor.dies(&cause);
        self.forget_if_gone(actor);
        lock(&self.names).release(actor);
        self.seal(&actor.ready, Err(cause.clone()));
        for call in waiting {
            self.settle(&call, Err(caused_by(died("the actor is dead"), &cause)));
        }
    }

    /// Ends an actor, or has it start again. False if that hits nothing.
    pub(crate) fn kill(self: &Arc<Self>, actor: &Arc<ActorRecord>, restart: bool, generation: Option<u32>) -> bool {
        if !actor.notes_kill(restart, generation) {
            return false;
        }
        if !restart {
            // It has its name no more, whatever it does until it is gone.
            lock(&self.names).release(actor);
        }
        match (actor.instance().and_then(|instance| self.instance(instance)), actor.running()) {
            // It has not begun, or not again.
            (None, _) => {
                self.bury(actor, Arc::new(described(actor, died("it was killed"))));
            }
            (Some(instance), None) if instance.concurrent_calls().is_none() => self.rouse(&instance),
            (Some(instance), _) => self.unwind(&instance, StopReason::ActorKilled),
        }
        true
    }
}

/// A crash as the caller of the call sees it. Cancellations and deadlines keep their names.
pub(crate) fn crashed(call: &TaskRecord, error: &TaskError, may_restart: bool) -> TaskError {
    if error.kind != ErrorKind::WorkerCrashed {
        return error.clone();
    }
    let (kind, what) = match may_restart {
        true => (ErrorKind::ActorUnavailable, "is being restarted"),
        false => (ErrorKind::ActorDied, "is dead"),
    };
    let mut seen =
        crate::sim::error::new(kind, format!("the actor crashed during this call and {what}: {}", error.message));
    seen.panic.clone_from(&error.panic);
    caused_by(seen, &call.describe(error.clone()))
}

fn died(text: &str) -> TaskError {
    crate::sim::error::new(ErrorKind::ActorDied, text.to_owned())
}

/// The error with what is known of the actor.
fn described(actor: &ActorRecord, mut error: TaskError) -> TaskError {
    actor.spec.name().clone_into(&mut error.task);
    actor.spec.type_name.clone_into(&mut error.function);
    crate::sim::exports::MODULE.clone_into(&mut error.module);
    error
}
