//! The loop of one actor: construct it, serve its calls in order, start it again when it crashes, bury it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::Runtime;
use super::arguments::Missing;
use super::faults::host_failed;
use super::migration::at_home;
use crate::sandbox::Instance;
use crate::state::actor::ActorRecord;
use crate::state::actor::mailbox::Event;
use crate::state::object::Outcome;
use crate::state::object::payload::{Arguments, Encoding, Payload};
use crate::state::task::cancellation::{Cancellation, StopReason};
use crate::state::task::{TaskRecord, TaskSink, Work};
use crate::types::budget::Budget;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::resources::ResourceSet;
use crate::types::sync::{Mutex, rank};

/// Time for an actor to serve one call after the other before others have their turn on the thread. Of the real clock: it
/// changes nothing but the order of things.
pub(super) const TURN: Duration = Duration::from_millis(1);

/// Calls between two looks at the clock.
const CALLS_PER_LOOK: u32 = 16;

/// Why an actor's instance is gone.
enum Ended {
    /// Nobody holds a handle, and every call is served.
    Closed,
    /// It said that it ends.
    Exited,
    /// It was killed; it may start again.
    Killed { restart: bool },
    /// It crashed, or a call of it was ended.
    Crashed(Box<TaskError>),
}

/// Why there is no instance any more, or none yet.
enum Over {
    /// The actor is dead.
    Dead(Arc<TaskError>),
    /// An argument of this start is lost, and made again: its constructor has not begun.
    StartsLater(Arc<TaskRecord>),
}

/// Why a start gave no instance.
enum Unstarted {
    /// There is none, or none yet.
    Over(Over),
    /// The constructor crashed, and not for the first time that it ran: that is one of the actor's restarts.
    Crashed,
}

impl From<Over> for Unstarted {
    fn from(over: Over) -> Self {
        Unstarted::Over(over)
    }
}

/// Is this error of a start no more than one of the actor's restarts? Who made it is told of the first start, and nobody of the others.
pub(super) fn starts_again(actor: &ActorRecord, error: &TaskError) -> bool {
    let generation = actor.generation();
    let may_restart = generation <= actor.spec.options.max_restarts.unwrap_or(0);
    generation > 1 && may_restart && error.kind == ErrorKind::WorkerCrashed
}

/// How a call left the instance.
pub(super) type Served = Result<Instance, TaskError>;

/// Where an instance is while no guest code of a call runs in it: whoever ends the call then, as while its arguments are waited for,
/// or room for its result, ends the call alone.
type Berth = Arc<Mutex<Option<Instance>, { rank::ACTOR }>>;

/// How a call ran; an error where it did not begin to, or where a function of the embedder's panicked.
type Attempt = Result<(Served, Result<Outcome, TaskError>), TaskError>;

impl Runtime {
    /// Lives an actor's life, from the task that constructs it.
    pub(super) async fn live(self: Arc<Self>, construct: Arc<TaskRecord>) {
        let mut life = Life { runtime: self, construct, end: None, starts_later: false };
        let Life { runtime, construct, .. } = &life;
        if let Work::Construct { actor } = &construct.spec.work {
            // Seen by a halt from here on; one that came before is seen by this actor.
            runtime.actors.add(actor);
            if runtime.is_halted() {
                actor.kill(false, None);
            }
            match runtime.generations(actor, construct).await {
                Over::Dead(cause) => life.end = Some(cause),
                Over::StartsLater(start) => {
                    runtime.start_later(actor, construct, &start);
                    life.starts_later = true;
                }
            }
        }
    }

    /// A start waits in the queue until its arguments are made again, with nothing in its hands, as the first did before it began: what
    /// the actor held may be what that needs. Another life begins with it.
    fn start_later(&self, actor: &Arc<ActorRecord>, first: &Arc<TaskRecord>, start: &Arc<TaskRecord>) {
        if !Arc::ptr_eq(first, start) {
            start.take_arguments_of(first);
        }
        // Before there can be that life.
        self.actors.remove(actor);
        actor.set_later(start);
        self.wait_once_more(start);
        // A kill that came before it waited.
        if actor.mailbox.kill_pending() {
            self.killed(start);
        }
    }

    /// One instance after the other, until the actor ends or has to wait; gives the reason.
    async fn generations(self: &Arc<Self>, actor: &Arc<ActorRecord>, construct: &Arc<TaskRecord>) -> Over {
        let first = construct;
        let mut construct = first.clone();
        loop {
            let generation = actor.mailbox.starts();
            let may_restart = generation <= actor.spec.options.max_restarts.unwrap_or(0);
            let end = match self.construct(actor, &construct, first, may_restart).await {
                Ok(instance) => self.serve(actor, &construct, instance, may_restart).await,
                Err(Unstarted::Over(over)) => return over,
                Err(Unstarted::Crashed) => Ended::Killed { restart: true },
            };
            let end = match end {
                Ended::Closed => TaskError::new(ErrorKind::ActorDied, "no handle to it is left"),
                Ended::Exited => TaskError::new(ErrorKind::ActorDied, "it ended itself"),
                // A kill that is not seen yet is the reason, and not a start that comes to nothing.
                Ended::Crashed(_) if actor.mailbox.is_over() => TaskError::new(ErrorKind::ActorDied, "it was killed"),
                Ended::Killed { restart: true } | Ended::Crashed(_) if may_restart => {
                    match self.construct_again(&construct) {
                        Ok(again) => {
                            construct = again;
                            // Each start is a turn of its own: one that crashes again and again would have no other.
                            yield_now().await;
                            continue;
                        }
                        Err(spent) => {
                            TaskError::new(ErrorKind::ActorDied, "it may not start again").caused_by(&Arc::new(spent))
                        }
                    }
                }
                Ended::Killed { .. } => TaskError::new(ErrorKind::ActorDied, "it was killed"),
                Ended::Crashed(cause) => {
                    TaskError::new(ErrorKind::ActorDied, "it crashed, and may not restart").caused_by(&cause)
                }
            };
            return Over::Dead(Arc::new(self.described(actor, end)));
        }
    }

    /// A task for constructing the actor once more.
    ///
    /// # Errors
    /// Its budget has no further task.
    fn construct_again(&self, last: &TaskRecord) -> Result<Arc<TaskRecord>, TaskError> {
        last.spec.budget.as_ref().map_or(Ok(()), Budget::submit)?;
        let mut spec = last.spec.clone();
        spec.id = self.task_ids.next();
        spec.queued = self.clock.now();
        // It outlives who created it, and not its budget.
        spec.inherited_deadline = spec.budget.as_ref().and_then(|budget| budget.deadline(spec.queued));
        spec.within_grace = false;
        at_home(&mut spec);
        Ok(TaskRecord::new(spec, false, Arguments::default(), self.store.promise(), self.sink()))
    }

    /// Runs the constructor, with the arguments of the `first` start.
    async fn construct(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        task: &Arc<TaskRecord>,
        first: &Arc<TaskRecord>,
        may_restart: bool,
    ) -> Result<Instance, Unstarted> {
        let slot = Cancellation::new();
        if !task.begin(slot.clone(), self.clock.now()) {
            self.end_late(task);
            let ended = TaskError::new(ErrorKind::ActorDied, "it was ended before it began");
            return Err(Over::Dead(Arc::new(self.described(actor, ended))).into());
        }
        let place = self.watch_running(actor, task);
        let guest = {
            let (runtime, actor, task, first) = (self.clone(), actor.clone(), task.clone(), first.clone());
            let constructed = async move {
                // Here, where whoever ends it finds it, and whoever looks for what stands still.
                let arguments = runtime.arguments_of_task(&first).await?;
                if !may_restart {
                    // The last time that they are needed.
                    first.drop_arguments();
                }
                if let Some(restored) = runtime.restored(&actor, &task).await? {
                    return Ok(restored);
                }
                let mut instance = runtime.instance(&task).await?;
                instance.construct(&actor.spec.type_name, &actor.spec.constructor, arguments).await?;
                Ok(instance)
            };
            self.sheltered(constructed, |error| Err(error.into()))
        };
        let ended = slot.run(guest, || task.meter().preempted()).await;
        self.unwatch_running(actor, place);
        let error = match ended.unwrap_or_else(|reason| Err(self.stopped(task, reason).into())) {
            Ok(instance) => {
                // Before anybody hears that it is ready: who does may kill it at once.
                actor.mailbox.serves();
                self.complete(task, Ok(self.store.token(Payload::new(Encoding::Json, "null"))));
                return Ok(instance);
            }
            Err(Missing::Lost) if actor.mailbox.puts_off() => return Err(Over::StartsLater(task.clone()).into()),
            Err(Missing::Lost) => self.stopped(task, StopReason::ActorKilled),
            Err(Missing::Failed(error)) => *error,
        };
        let error = Arc::new(task.describe(error));
        self.complete(task, Err(error.clone()));
        Err(if starts_again(actor, &error) { Unstarted::Crashed } else { Over::Dead(error).into() })
    }

    /// Serves calls until the instance is gone.
    async fn serve(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        construct: &Arc<TaskRecord>,
        mut instance: Instance,
        may_restart: bool,
    ) -> Ended {
        let holds = &construct.spec.plan.needs;
        let mut turn = Instant::now();
        let mut served = 0u32;
        let mut to_move = None;
        if actor.moves.is_asked() {
            // The instance before this one waited for its turn to move.
            actor.mailbox.ask_to_move();
        }
        loop {
            served = served.wrapping_add(1);
            if served.is_multiple_of(CALLS_PER_LOOK) && turn.elapsed() > TURN {
                yield_now().await;
                turn = Instant::now();
            }
            let call = match self.next_event(actor, holds).await {
                Event::Call(call) => call,
                Event::Kill { restart } => return Ended::Killed { restart },
                Event::Save => match self.save_at_end(actor, construct, instance).await {
                    Ok(alive) => {
                        instance = alive;
                        continue;
                    }
                    Err(error) => return Ended::Crashed(Box::new(error)),
                },
                Event::Move if !self.is_to_move(actor, construct) => continue,
                Event::Move => {
                    let place = to_move.take().unwrap_or_else(|| self.stand_in_line_to_move(actor));
                    if !place.has_turn() {
                        to_move = Some(place);
                        continue;
                    }
                    // Apart, so that it takes no room in the future of every actor.
                    match Box::pin(self.move_actor_now(actor, construct, instance, place)).await {
                        Ok(alive) => {
                            instance = alive;
                            continue;
                        }
                        Err(error) => return Ended::Crashed(Box::new(error)),
                    }
                }
                Event::Closed => {
                    let _ = self.save_at_end(actor, construct, instance).await;
                    return Ended::Closed;
                }
                Event::Exit => {
                    let _ = self.save_at_end(actor, construct, instance).await;
                    return Ended::Exited;
                }
            };
            // Nobody's move waits for this call. Behind the call it stands in line again.
            let leaves_line = to_move.take().is_some();
            let served = match actor.lanes {
                None => self.serve_call(actor, instance, &call, may_restart).await,
                // Apart, so that it takes no room in the future of every actor.
                Some(_) => Box::pin(self.serve_several(actor, holds, instance, call, may_restart)).await,
            };
            if leaves_line {
                actor.mailbox.ask_to_move();
            }
            match served {
                Ok(alive) => instance = alive,
                Err(error) if error.kind == ErrorKind::ActorDied && actor.mailbox.kill_pending() => {
                    return match self.next_event(actor, holds).await {
                        Event::Kill { restart } => Ended::Killed { restart },
                        _ => Ended::Crashed(Box::new(error)),
                    };
                }
                Err(error) => return Ended::Crashed(Box::new(error)),
            }
        }
    }

    /// Waits for something to do. Meanwhile the actor computes nothing.
    async fn next_event(&self, actor: &ActorRecord, holds: &ResourceSet) -> Event {
        if let Some(event) = actor.mailbox.next() {
            return event;
        }
        let _idle = Idle::new(self, holds);
        self.progressed();
        poll_fn(|cx| actor.mailbox.poll_next(cx)).await
    }

    async fn serve_call(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        instance: Instance,
        call: &Arc<TaskRecord>,
        may_restart: bool,
    ) -> Served {
        let Work::Call { reply, .. } = call.spec.work else {
            return Ok(instance);
        };
        let slot = Cancellation::new();
        if !call.begin(slot.clone(), self.clock.now()) {
            self.end_late(call);
            return Ok(instance);
        }
        // Before it waits for its arguments, which may need other tasks: whoever looks for what stands still finds it.
        let place = Some(self.watch_running(actor, call));
        let mut duty = OnDuty { runtime: self, actor, call, place, over: false };
        self.scheduler.lock().uncount(call);
        let berth: Berth = Arc::new(Mutex::new(Some(instance)));
        let guest = {
            let (runtime, call, berth) = (self.clone(), call.clone(), berth.clone());
            let saver = actor.saved.is_some().then(|| actor.clone());
            let served = async move {
                // Here, where whoever ends it finds it.
                let arguments = runtime.arguments(&call).await?;
                let mut instance = berth.lock().take().ok_or_else(gone)?;
                instance.serve(call.clone());
                let answer = instance.call(arguments, reply).await;
                // Before anything else can end the call: the state has changed.
                let is_due = |actor: &Arc<ActorRecord>| actor.saved.as_ref().is_some_and(|saved| saved.served());
                let saver = saver.filter(|_| survives(&answer)).filter(is_due);
                let result = match answer {
                    Ok(payload) => {
                        let before = berth.lock().replace(instance);
                        drop(before);
                        let outcome = runtime.stored(&call, payload).await;
                        instance = berth.lock().take().ok_or_else(gone)?;
                        Ok(outcome)
                    }
                    Err(error) => Err(error),
                };
                let Some(actor) = saver else {
                    return Ok((Ok(instance), result));
                };
                // Apart, so that it takes no room in the future of every call.
                let saved = Box::pin(runtime.save_now(&actor, &mut instance)).await;
                Ok((saved.map(|()| instance), result))
            };
            self.sheltered(served, Err)
        };
        let ended = slot.run(guest, || call.meter().preempted()).await;
        let left = berth.lock().take();
        let served = self.conclude_call(actor, call, ended, left, may_restart);
        duty.over = true;
        drop(duty);
        // What waited for the result may start, and this actor goes on with its next call.
        self.dispatch();
        served
    }

    /// Settles a call, and tells whether the instance survived it: one that is `left` in its berth did.
    fn conclude_call(
        &self,
        actor: &ActorRecord,
        call: &Arc<TaskRecord>,
        ended: Result<Attempt, StopReason>,
        left: Option<Instance>,
        may_restart: bool,
    ) -> Served {
        let (alive, error) = match ended {
            Ok(Ok((instance, Ok(outcome)))) => {
                self.complete(call, outcome);
                return instance;
            }
            Ok(Ok((instance, Err(error)))) => (Some(instance).filter(|_| is_own(&error)), error),
            Ok(Err(error)) => (left.map(Ok), error),
            Err(StopReason::ActorKilled) if may_restart && actor.mailbox.restart_pending() => {
                (left.map(Ok), TaskError::new(ErrorKind::WorkerCrashed, "it was killed, to start again"))
            }
            Err(reason) => (left.map(Ok), self.stopped(call, reason)),
        };
        if (alive.is_some() || may_restart) && self.call_again(actor, call, &error) {
            return alive.unwrap_or(Err(error));
        }
        self.complete(call, Err(Arc::new(crashed(call, error.clone(), may_restart))));
        alive.unwrap_or(Err(error))
    }

    /// Gives its place among those that run.
    pub(super) fn watch_running(&self, actor: &ActorRecord, task: &Arc<TaskRecord>) -> usize {
        let place = self.enter(task);
        self.watch_deadline(task);
        actor.set_running(task);
        // A kill that came before it was known what runs.
        if actor.mailbox.kill_pending() {
            task.stop_attempt(StopReason::ActorKilled);
        }
        place
    }

    pub(super) fn unwatch_running(&self, actor: &ActorRecord, place: usize) {
        actor.clear_running();
        self.leave(place);
        self.progressed();
    }

    /// The actor is dead: its name is free, and whoever waits for it hears why.
    pub(super) fn bury(&self, actor: &Arc<ActorRecord>, cause: Arc<TaskError>) {
        let waiting = actor.mailbox.die(cause.clone());
        self.actors.names.release(actor);
        actor.ready.seal(Err(cause.clone()), None);
        actor.moves.end(&cause).into_iter().for_each(|asked| asked.seal(Err(cause.clone()), None));
        for call in waiting {
            // Perhaps as many as a mailbox takes.
            self.give_up_later(call, TaskError::new(ErrorKind::ActorDied, "the actor is dead").caused_by(&cause));
        }
        self.dispatch();
    }

    fn described(&self, actor: &ActorRecord, mut error: TaskError) -> TaskError {
        error.task = actor.spec.options.name.as_deref().unwrap_or(&actor.spec.type_name).to_owned();
        error.module = actor.spec.module.name.to_string();
        error.function = actor.spec.type_name.to_string();
        error
    }
}

/// An actor's life, with the permits of its constructor. However it ends, they are given back, and the actor is buried, unless another
/// life follows.
struct Life {
    runtime: Arc<Runtime>,
    construct: Arc<TaskRecord>,
    /// Why it ended; none is a fault of the host's.
    end: Option<Arc<TaskError>>,
    starts_later: bool,
}

impl Drop for Life {
    fn drop(&mut self) {
        let Life { runtime, construct, end, starts_later } = self;
        if let Work::Construct { actor } = &construct.spec.work
            && !*starts_later
        {
            actor.clear_running();
            runtime.bury(actor, end.take().unwrap_or_else(host_failed));
            runtime.actors.remove(actor);
        }
        runtime.release(construct);
        runtime.progressed();
    }
}

/// An actor that has nothing to do; dropping it, also because its life is, takes that back.
struct Idle<'a> {
    runtime: &'a Runtime,
    holds: &'a ResourceSet,
}

impl<'a> Idle<'a> {
    fn new(runtime: &'a Runtime, holds: &'a ResourceSet) -> Self {
        runtime.scheduler.lock().idle(holds);
        Idle { runtime, holds }
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.runtime.scheduler.lock().busy(self.holds);
    }
}

/// A call that an actor serves. However that ends, it is answered, and its place is free.
struct OnDuty<'a> {
    runtime: &'a Runtime,
    actor: &'a ActorRecord,
    call: &'a Arc<TaskRecord>,
    /// Its place among those that run, once it has one.
    place: Option<usize>,
    over: bool,
}

impl Drop for OnDuty<'_> {
    fn drop(&mut self) {
        let OnDuty { runtime, actor, call, place, over } = self;
        if !*over {
            runtime.survives("failed a call", || runtime.complete(call, Err(host_failed())));
        }
        if let Some(place) = place {
            runtime.unwatch_running(actor, *place);
        }
    }
}

/// The error that a method returned: the instance goes on.
fn is_own(error: &TaskError) -> bool {
    matches!(error.kind, ErrorKind::TaskFailed | ErrorKind::InvalidArgument)
}

fn survives<T>(result: &Result<T, TaskError>) -> bool {
    result.as_ref().err().is_none_or(is_own)
}

/// A crash as the caller of the call sees it. Limits and cancellations keep their names.
pub(super) fn crashed(call: &TaskRecord, error: TaskError, may_restart: bool) -> TaskError {
    if error.kind != ErrorKind::WorkerCrashed {
        return error;
    }
    let kind = if may_restart { ErrorKind::ActorUnavailable } else { ErrorKind::ActorDied };
    let what = if may_restart { "is being restarted" } else { "is dead" };
    let mut seen = TaskError::new(kind, format!("the actor crashed during this call and {what}: {}", error.message));
    seen.panic = error.panic.clone().or_else(|| call.meter().stderr_tail());
    seen.backtrace = error.backtrace.clone();
    let mut cause = error;
    cause.task = call.spec.plan.name.to_string();
    seen.caused_by(&cause)
}

/// The error of a call that nobody will serve.
pub(super) fn gone() -> TaskError {
    TaskError::new(ErrorKind::ActorDied, "the actor is dead")
}

/// Lets others have the thread.
pub(super) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
