//! The life of an actor: constructed, serving calls in order, started again when it crashes, and buried.

use std::sync::Arc;

use super::actor::{Actor, Event};
use super::error::{caused_by, dependency_failed};
use super::exports::REPLY;
use super::frame::Frame;
use super::job::{Job, Order, Work};
use super::object::{ObjectStore, Stored};
use super::payload::Payload;
use super::ready_queue::Turn;
use super::run::guarded;
use super::stop_reason::Stop;
use super::sync::lock;
use super::timers::Alarm;
use super::world::World;
use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};

/// Why an actor's frame is over.
enum End {
    /// It may start again.
    Broken(TaskError),
    /// It may not.
    Dead(TaskError),
}

/// How a call left the actor.
pub(super) type Served = Result<(), TaskError>;

impl World {
    /// Lives one generation of an actor.
    pub(super) fn live(self: &Arc<Self>, frame: &Arc<Frame>, construct: &Arc<Job>) {
        let Some(actor) = &self.actor_of(construct) else {
            // Killed and let go of before it began: who waited for it was told.
            return self.settle(construct, Err(died("it was ended before it began")));
        };
        if let Some(cause) = actor.death() {
            return self.settle(construct, Err(TaskError::clone(&cause)));
        }
        let generation = actor.starts(frame.id);
        if !actor.spec.may_restart(generation) {
            actor.keep_arguments(Vec::new());
        }
        let end = match self.construct(frame, actor, construct) {
            Ok(()) => self.serve(frame, actor, construct, actor.spec.may_restart(generation)),
            Err(error) => {
                actor.leaves();
                // Who made the actor is told of the first start, and nobody of the others.
                let again =
                    generation > 1 && error.kind == ErrorKind::WorkerCrashed && actor.spec.may_restart(generation);
                if again && !self.is_halted() {
                    self.settle(construct, Ok(Stored::bytes(&[])));
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

    fn construct(self: &Arc<Self>, frame: &Arc<Frame>, actor: &Arc<Actor>, job: &Arc<Job>) -> Result<(), TaskError> {
        let arguments = job.begin(frame.id, self.now()).ok_or_else(|| died("it was ended before it began"))?;
        self.watch_deadline(job);
        actor.set_running(Some(job));
        if !self.restored(frame, actor) {
            let arguments = arguments.map_err(|cause| dependency_failed(&cause))?;
            let made =
                guarded(frame, || (self.program.construct)(&actor.spec.type_name, &actor.spec.constructor, arguments));
            self.outcome(job, made)?;
        }
        actor.set_running(None);
        actor.serves();
        self.settle(job, Ok(Stored::bytes(&[])));
        Ok(())
    }

    /// A task for constructing the actor once more.
    fn construct_again(self: &Arc<Self>, actor: &Actor, last: &Job) {
        let order = Order {
            function: last.function.clone(),
            work: Work::Construct(actor.spec.clone()),
            plan: last.plan.clone(),
            arguments: actor.arguments(),
            stream: None,
        };
        self.ready(Turn::Begin(self.new_job(order, &self.test)));
    }

    /// Serves calls until the actor ends.
    fn serve(self: &Arc<Self>, frame: &Arc<Frame>, actor: &Arc<Actor>, construct: &Arc<Job>, may_restart: bool) -> End {
        loop {
            let call = match self.next_event(frame, actor) {
                Event::Call(call) => call,
                Event::Kill { restart: true } => return End::Broken(died("it was killed")),
                Event::Kill { restart: false } => return End::Dead(died("it was killed")),
                Event::Exit => return End::Dead(died("it ended itself")),
                Event::Closed => return End::Dead(died("no handle to it is left")),
            };
            let served = match actor.spec.room {
                None => self.serve_call(frame, actor, &call, may_restart),
                Some(_) => self.serve_several(frame, actor, &call, may_restart),
            };
            frame.set_job(construct);
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
    fn next_event(self: &Arc<Self>, frame: &Arc<Frame>, actor: &Arc<Actor>) -> Event {
        loop {
            if self.is_halted() {
                return Event::Kill { restart: false };
            }
            if let Some(event) = actor.next() {
                return event;
            }
            frame.begin_wait(self.number(), Vec::new(), 0, true);
            self.hand_on(frame);
            frame.end_wait();
        }
    }

    fn serve_call(
        self: &Arc<Self>,
        frame: &Arc<Frame>,
        actor: &Arc<Actor>,
        call: &Arc<Job>,
        may_restart: bool,
    ) -> Served {
        let (Work::Call(_, method), Some(arguments)) = (&call.work, call.begin(frame.id, self.now())) else {
            return Ok(());
        };
        let arguments = match arguments {
            Ok(arguments) => arguments,
            Err(cause) => {
                self.settle(call, Err(dependency_failed(&cause)));
                return Ok(());
            }
        };
        frame.set_job(call);
        actor.set_running(Some(call));
        self.watch_deadline(call);
        let answer = guarded(frame, || (self.program.call)(method, arguments, REPLY));
        let lives = answer.is_ok();
        let outcome = self.outcome(call, answer);
        if lives && actor.spec.is_saved() && actor.save_is_due() {
            self.save(frame, actor);
        }
        self.conclude_call(actor, call, outcome, lives, may_restart)
    }

    /// Settles a call, and tells whether the actor outlives it.
    fn conclude_call(
        self: &Arc<Self>,
        actor: &Arc<Actor>,
        call: &Arc<Job>,
        outcome: Result<Payload, TaskError>,
        lives: bool,
        may_restart: bool,
    ) -> Served {
        let error = match outcome {
            Ok(payload) => {
                self.settle(call, Ok(Stored::from(payload)));
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
    pub(super) fn call_again(&self, actor: &Actor, call: &Arc<Job>, failure: &TaskError) -> bool {
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
    fn restored(&self, frame: &Arc<Frame>, actor: &Actor) -> bool {
        let Some(state) = actor.state() else { return false };
        let restored =
            matches!(guarded(frame, || (self.program.restore)(&actor.spec.type_name, state.payload())), Ok(Ok(())));
        if !restored {
            actor.keep_state(None);
        }
        restored
    }

    fn save(&self, frame: &Arc<Frame>, actor: &Actor) {
        match guarded(frame, self.program.save) {
            Ok(Ok(state)) => actor.keep_state(Some(Stored::from(state))),
            Ok(Err(refused)) => eprintln!("[{}] it cannot be saved: {}", actor.spec.name(), refused.message),
            Err(_) => eprintln!("[{}] it crashed while it was saved", actor.spec.name()),
        }
    }

    /// The actor is dead: its name is free, and whoever waits for it hears why.
    pub(super) fn bury(self: &Arc<Self>, actor: &Arc<Actor>, cause: Arc<TaskError>) {
        let waiting = actor.dies(&cause);
        self.forget_if_gone(actor);
        lock(&self.names).release(actor);
        self.seal(&actor.ready, Err(cause.clone()));
        for call in waiting {
            self.settle(&call, Err(caused_by(died("the actor is dead"), &cause)));
        }
    }

    /// Ends an actor, or has it start again. False if that hits nothing.
    pub(super) fn kill(self: &Arc<Self>, actor: &Arc<Actor>, restart: bool, generation: Option<u32>) -> bool {
        if !actor.notes_kill(restart, generation) {
            return false;
        }
        if !restart {
            // It has its name no more, whatever it does until it is gone.
            lock(&self.names).release(actor);
        }
        match (actor.frame().and_then(|frame| self.frame(frame)), actor.running()) {
            // It has not begun, or not again.
            (None, _) => {
                self.bury(actor, Arc::new(described(actor, died("it was killed"))));
            }
            (Some(frame), None) if frame.concurrent_calls().is_none() => self.rouse(&frame),
            (Some(frame), _) => self.unwind(&frame, Stop::ActorKilled),
        }
        true
    }
}

/// A crash as the caller of the call sees it. Cancellations and deadlines keep their names.
pub(super) fn crashed(call: &Job, error: &TaskError, may_restart: bool) -> TaskError {
    if error.kind != ErrorKind::WorkerCrashed {
        return error.clone();
    }
    let (kind, what) = match may_restart {
        true => (ErrorKind::ActorUnavailable, "is being restarted"),
        false => (ErrorKind::ActorDied, "is dead"),
    };
    let mut seen = super::error::new(kind, format!("the actor crashed during this call and {what}: {}", error.message));
    seen.panic.clone_from(&error.panic);
    caused_by(seen, &call.describe(error.clone()))
}

fn died(text: &str) -> TaskError {
    super::error::new(ErrorKind::ActorDied, text.to_owned())
}

/// The error with what is known of the actor.
fn described(actor: &Actor, mut error: TaskError) -> TaskError {
    actor.spec.name().clone_into(&mut error.task);
    actor.spec.type_name.clone_into(&mut error.function);
    super::exports::MODULE.clone_into(&mut error.module);
    error
}
