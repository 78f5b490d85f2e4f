//! An actor that serves several calls at once: calls are handed to its one instance while their lanes have room, and settled
//! as it answers them.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::StreamExt;
use futures::future::{AbortHandle, Abortable, BoxFuture, abortable};
use futures::stream::FuturesUnordered;

use super::Runtime;
use super::actors::{Served, TURN, crashed, gone};
use super::faults::{dependency_failed, host_failed};
use crate::sandbox::Instance;
use crate::state::actor::ActorRecord;
use crate::state::actor::concurrent_calls::{ConcurrentCalls, End, Ended};
use crate::state::actor::unstored::{Unstored, UnstoredResult};
use crate::state::object::Outcome as ObjectOutcome;
use crate::state::object::payload::{Held, Payload, Value};
use crate::state::task::TaskRecord;
use crate::state::task::cancellation::{Cancellation, Stop, StopReason};
use crate::types::clock::Sleep;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::event::EventKind;
use crate::types::ids::TaskId;
use crate::types::limits::{AWAIT_GRACE, OBJECT_OVERHEAD_BYTES};
use crate::types::resources::ResourceSet;

impl Runtime {
    /// Serves calls, from the first until none is left.
    pub(super) async fn serve_several(
        self: &Arc<Self>,
        actor: &Arc<ActorRecord>,
        holds: &ResourceSet,
        mut instance: Instance,
        first: Arc<TaskRecord>,
        may_restart: bool,
    ) -> Served {
        let unstored = Unstored::new(holds.memory_bytes);
        let (mut slot, mut concurrent_calls) = new_concurrent_calls(actor, &first, holds, &unstored);
        let mut service = Service::new(self.clone(), actor.clone(), concurrent_calls.clone(), may_restart);
        service.begin(first);
        // Some after the others, as long as calls come while results of the one before wait for room.
        let served = loop {
            let serving = {
                let concurrent_calls = concurrent_calls.clone();
                async move {
                    let served = instance.serve_calls(concurrent_calls).await;
                    served.map(|()| instance)
                }
            };
            let ended = {
                let guest = self.sheltered(serving, Err);
                let mut guest = pin!(slot.run(guest, || concurrent_calls.preempted()));
                poll_fn(|cx| service.poll(guest.as_mut(), cx)).await
            };
            let served = service.conclude(ended);
            match (service.store_the_rest(served.is_ok()).await, served) {
                (Some(next), Ok(alive)) => {
                    instance = alive;
                    (slot, concurrent_calls) = new_concurrent_calls(actor, &next, holds, &unstored);
                    service.concurrent_calls = concurrent_calls.clone();
                    service.begin(next);
                }
                (_, served) => break served,
            }
        };
        drop(service);
        actor.clear_running();
        self.progressed();
        self.dispatch();
        served
    }
}

/// The calls served at once that begin with this one, and what ends them as a whole.
fn new_concurrent_calls(
    actor: &ActorRecord,
    first: &Arc<TaskRecord>,
    holds: &ResourceSet,
    unstored: &Arc<Unstored>,
) -> (Arc<Cancellation<Result<Instance, TaskError>>>, Arc<ConcurrentCalls>) {
    let slot = Cancellation::new();
    let concurrent_calls = ConcurrentCalls::new(first.clone(), slot.clone(), holds.clone(), unstored.clone());
    actor.set_concurrent_calls(concurrent_calls.clone());
    // A kill that came before it was known what runs.
    if actor.mailbox.kill_pending() {
        slot.stop(StopReason::ActorKilled);
    }
    (slot, concurrent_calls)
}

/// A call whose arguments are read back from disk, and the attempt that they are for.
type Coming = Abortable<BoxFuture<'static, (Arc<TaskRecord>, u32, Result<Vec<Held>, TaskError>)>>;

/// A call whose result waits for room, unless it is ended meanwhile; true if the call waited itself when it was answered.
type Storing = BoxFuture<'static, (Arc<TaskRecord>, bool, Result<ObjectOutcome, StopReason>)>;

/// What the guest gave, or why it was ended.
type Outcome = Result<Result<Instance, TaskError>, StopReason>;

/// A call that is served.
struct Seat {
    call: Arc<TaskRecord>,
    /// Where it stands among what runs.
    place: usize,
    /// Ends the wait for its arguments, if it began one.
    gathers: Option<AbortHandle>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.gathers.iter().for_each(AbortHandle::abort);
    }
}

/// Hands calls to the guest, and settles them.
struct Service {
    runtime: Arc<Runtime>,
    actor: Arc<ActorRecord>,
    concurrent_calls: Arc<ConcurrentCalls>,
    may_restart: bool,
    /// How many calls of each lane are served.
    served: Vec<u32>,
    /// The calls that are served.
    seats: HashMap<TaskId, Seat>,
    coming: FuturesUnordered<Coming>,
    storing: FuturesUnordered<Storing>,
    /// The guest runs a call that is to end, and has until then to leave it.
    patience: Option<Sleep>,
}

impl Service {
    fn new(
        runtime: Arc<Runtime>,
        actor: Arc<ActorRecord>,
        concurrent_calls: Arc<ConcurrentCalls>,
        may_restart: bool,
    ) -> Self {
        let lanes = actor.lanes.as_ref().map_or(1, |lanes| lanes.len());
        Service {
            runtime,
            actor,
            concurrent_calls,
            may_restart,
            served: vec![0; lanes],
            seats: HashMap::new(),
            coming: FuturesUnordered::new(),
            storing: FuturesUnordered::new(),
            patience: None,
        }
    }

    /// Runs the guest, and all that goes with it, until the guest is done.
    fn poll(&mut self, mut guest: Pin<&mut impl Future<Output = Outcome>>, cx: &mut Context<'_>) -> Poll<Outcome> {
        let turn = Instant::now();
        loop {
            if let Poll::Ready(ended) = guest.as_mut().poll(cx) {
                return Poll::Ready(ended);
            }
            let moved = self.complete_ended() | self.complete_stored(cx) | self.take(cx) | self.lose_patience(cx);
            if !moved {
                return Poll::Pending;
            }
            if turn.elapsed() > TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Takes calls from the mailbox for which there is room. True if the guest has something to do.
    fn take(&mut self, cx: &mut Context<'_>) -> bool {
        let mut taken = false;
        // One that was told that no call is left takes none any more until it has returned: those that come wait for that.
        while !self.concurrent_calls.is_over()
            && let Some(call) = self.next(cx)
        {
            taken |= self.begin(call);
        }
        while let Poll::Ready(Some(came)) = self.coming.poll_next_unpin(cx) {
            // It may have been ended meanwhile, and begun again.
            if let Ok((call, attempt, arguments)) = came
                && call.attempt() == attempt
            {
                self.hand_over(call, arguments);
            }
            taken = true;
        }
        taken
    }

    fn next(&self, cx: &mut Context<'_>) -> Option<Arc<TaskRecord>> {
        let lanes = self.actor.lanes.as_deref().unwrap_or(&[1]);
        self.actor.mailbox.poll_beside(cx, |lane| self.served[lane] < lanes[lane])
    }

    /// False if it was ended before.
    fn begin(&mut self, call: Arc<TaskRecord>) -> bool {
        let Some(ender) = self.concurrent_calls.admit(&call) else {
            // The guest has just heard that there is none: it is served with the next ones.
            let dead = self.actor.mailbox.push_first(call);
            dead.into_iter().for_each(|call| self.runtime.give_up(&call, gone()));
            return false;
        };
        if !call.begin(ender, self.runtime.clock.now()) {
            self.concurrent_calls.forget(&call);
            self.runtime.end_late(&call);
            return false;
        }
        self.served[call.spec.plan.lane] += 1;
        let id = call.spec.id;
        self.seats.insert(id, Seat { call: call.clone(), place: self.runtime.enter(&call), gathers: None });
        // After that, so that at no moment the host looks idle.
        self.runtime.scheduler.lock().uncount(&call);
        self.runtime.watch_deadline(&call);
        match call.resolve_arguments() {
            Ok(None) => {
                let (runtime, attempt) = (self.runtime.clone(), call.attempt());
                let gathering: BoxFuture<'static, _> = Box::pin(async move {
                    let arguments = runtime.arguments(&call).await;
                    (call, attempt, arguments)
                });
                let (gathering, gathers) = abortable(gathering);
                self.coming.push(gathering);
                self.seats.entry(id).and_modify(|seat| seat.gathers = Some(gathers));
            }
            Ok(Some(arguments)) => self.hand_over(call, Ok(arguments)),
            Err(cause) => self.hand_over(call, Err(dependency_failed(&cause))),
        }
        true
    }

    fn hand_over(&mut self, call: Arc<TaskRecord>, arguments: Result<Vec<Held>, TaskError>) {
        match arguments {
            Ok(arguments) => self.concurrent_calls.hand_over(call, arguments),
            Err(error) if self.concurrent_calls.forget(&call) => self.finish(&call, Err(error), false, None),
            // It was ended meanwhile.
            Err(_) => {}
        }
    }

    /// Settles what is over. True if anything was.
    fn complete_ended(&mut self) -> bool {
        let mut settled = false;
        while let Some(Ended { call, waited, end, unstored }) = self.concurrent_calls.pop_end() {
            let outcome = match end {
                End::Answered(answer) => answer.map_err(|error| *error),
                End::Stopped(reason) => Err(self.runtime.stopped(&call, reason)),
            };
            self.finish(&call, outcome, waited, unstored);
            settled = true;
        }
        if settled {
            // What waited for the results may start.
            self.runtime.dispatch();
        }
        settled
    }

    /// Settles those for whose results there is room now. True if any was.
    fn complete_stored(&mut self, cx: &mut Context<'_>) -> bool {
        let mut settled = false;
        while let Poll::Ready(Some((call, waited, outcome))) = self.storing.poll_next_unpin(cx) {
            let stopped = |reason| Err(Arc::new(self.runtime.stopped(&call, reason)));
            self.runtime.complete(&call, outcome.unwrap_or_else(stopped));
            self.leave(&call, waited);
            settled = true;
        }
        if settled {
            self.runtime.dispatch();
        }
        settled
    }

    /// The end of a call, or of an attempt of it.
    fn finish(
        &mut self,
        call: &Arc<TaskRecord>,
        outcome: Result<Payload, TaskError>,
        waited: bool,
        unstored: Option<UnstoredResult>,
    ) {
        match outcome {
            Ok(payload) => {
                let bytes = payload.stored_bytes() + OBJECT_OVERHEAD_BYTES;
                match self.runtime.store.reserve_at_once(bytes) {
                    Ok(room) => {
                        self.runtime.complete(call, Ok(Value::new(payload, room.on(&call.spec.module.account))))
                    }
                    Err(_) => return self.store(call.clone(), payload, waited, unstored),
                }
            }
            Err(error) if self.runtime.call_again(&self.actor, call, &error) => {}
            Err(error) => self.runtime.complete(call, Err(Arc::new(error))),
        }
        self.leave(call, waited);
    }

    /// Has the result wait for room. The guest is done with the call, which is ended alone from here on.
    fn store(&mut self, call: Arc<TaskRecord>, payload: Payload, waited: bool, unstored: Option<UnstoredResult>) {
        let slot = Cancellation::new();
        call.go_on_in(slot.clone());
        // Who ended it a moment ago found nothing to end.
        if call.was_ended() {
            slot.stop(StopReason::Cancelled);
        }
        self.runtime.watch_deadline(&call);
        let storing: BoxFuture<'static, _> = {
            let (runtime, call) = (self.runtime.clone(), call.clone());
            Box::pin(async move { runtime.stored(&call, payload).await })
        };
        self.storing.push(Box::pin(async move {
            let outcome = slot.run(storing, || None).await;
            drop(unstored);
            (call, waited, outcome)
        }));
    }

    /// It runs no more. Last, so that at no moment the host looks idle while a call is between two places.
    fn leave(&mut self, call: &TaskRecord, waited: bool) {
        if waited {
            self.runtime.emit(call, EventKind::GoesOn);
        }
        self.served[call.spec.plan.lane] -= 1;
        if let Some(seat) = self.seats.remove(&call.spec.id) {
            self.runtime.leave(seat.place);
        }
        self.runtime.progressed();
    }

    /// Ends the instance when its guest does not leave a call that is to end, or does not return. True if it did.
    fn lose_patience(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(reason) = self.concurrent_calls.poll_overdue(cx) else {
            self.patience = None;
            return false;
        };
        // Of the real clock, as the guest computes.
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(AWAIT_GRACE)));
        let lost = patience.as_mut().poll(cx).is_ready();
        if lost {
            self.concurrent_calls.end(reason);
        }
        lost
    }

    /// The guest serves no more: waits for those that were answered last, for as long as their results wait for room, or until
    /// another call comes, which this gives if the guest `may_go_on`. A kill of the actor ends that.
    async fn store_the_rest(&mut self, may_go_on: bool) -> Option<Arc<TaskRecord>> {
        poll_fn(|cx| {
            if self.actor.mailbox.kill_pending() {
                self.seats.values().for_each(|seat| seat.call.stop_attempt(StopReason::ActorKilled));
            }
            self.complete_stored(cx);
            match self.storing.is_empty() {
                true => Poll::Ready(None),
                false if !may_go_on => Poll::Pending,
                false => self.next(cx).map_or(Poll::Pending, |call| Poll::Ready(Some(call))),
            }
        })
        .await
    }

    /// What came of the instance, and of the calls that were not answered.
    fn conclude(&mut self, ended: Outcome) -> Served {
        self.complete_ended();
        let ran = self.concurrent_calls.charged();
        let left = self.concurrent_calls.abandoned();
        let error = match ended {
            Ok(Ok(instance)) if left.is_empty() => return Ok(instance),
            Ok(Ok(_)) => TaskError::new(ErrorKind::WorkerCrashed, "it stopped serving calls without an answer to each"),
            Ok(Err(error)) => error,
            Err(StopReason::ActorKilled) if self.may_restart && self.actor.mailbox.restart_pending() => {
                TaskError::new(ErrorKind::WorkerCrashed, "it was killed, to start again")
            }
            Err(StopReason::Cancelled) if left.is_empty() => {
                TaskError::new(ErrorKind::WorkerCrashed, "it did not return when no call was left")
            }
            Err(reason) => self.runtime.stopped(&ran, reason),
        };
        // The last first: each goes before those that wait.
        for (call, waited) in left.iter().rev() {
            let seen = self.seen_by(call, &ran, &error);
            let again = self.may_restart && self.runtime.call_again(&self.actor, call, &seen);
            if !again {
                self.runtime.complete(call, Err(Arc::new(crashed(call, seen, self.may_restart))));
            }
            self.leave(call, *waited);
        }
        Err(error)
    }

    /// The error that ended the instance, as one of its calls sees it.
    fn seen_by(&self, call: &Arc<TaskRecord>, ran: &Arc<TaskRecord>, error: &TaskError) -> TaskError {
        let all = matches!(error.kind, ErrorKind::ActorDied | ErrorKind::HostShutDown);
        if all || Arc::ptr_eq(call, ran) {
            return error.clone();
        }
        let name = &ran.spec.plan.name;
        TaskError::new(
            ErrorKind::WorkerCrashed,
            format!("its instance ended with another call, {name}: {}", error.message),
        )
    }
}

impl Drop for Service {
    /// Calls are left only by a fault of the host's.
    fn drop(&mut self) {
        if self.seats.is_empty() {
            return;
        }
        let runtime = self.runtime.clone();
        runtime.survives("failed the calls of an actor", || {
            for (call, waited) in self.concurrent_calls.abandoned() {
                self.runtime.complete(&call, Err(host_failed()));
                self.leave(&call, waited);
            }
            for seat in self.seats.values() {
                self.runtime.complete(&seat.call, Err(host_failed()));
            }
        });
        self.seats.drain().for_each(|(_, seat)| runtime.leave(seat.place));
    }
}
