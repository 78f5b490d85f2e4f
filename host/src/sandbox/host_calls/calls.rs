//! `rustyray:core/calls`, linked by hand: what runs changes in the middle of these functions, and with it whose fuel burns.
//!
//! The call that runs burns its own fuel. What the guest does between two calls is on the account of the one that ran last, or of
//! nobody once that is answered; there is an allowance for it, which comes again with a call that runs or is answered. So a
//! guest that serves no call does not run for long. What was burned before one of these functions is charged when it begins
//! (`tank.rs`), and so to whom it ran for.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::super::convert::{give_payload, program_error, take_payload};
use super::super::guest::Guest;
use super::super::serving::Serving;
use super::super::tank;
use super::super::trap::broken_contract;
use super::super::wire;
use crate::port::waiting::wait_for_news;
use crate::state::actor::concurrent_calls::{ConcurrentCalls, News};
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Encoding, Held};
use crate::state::task::{TaskRecord, Work};
use crate::types::event::EventKind;
use crate::types::ids::TaskId;
use crate::types::limits::HOUSEKEEPING_FUEL;

type Store<'a> = StoreContextMut<'a, Guest>;
type Answer = Result<wire::Payload, wire::Failure>;

/// A call, as the guest gets it.
#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Call {
    id: u64,
    method: Arc<str>,
    arguments: Vec<wire::Payload>,
    reply: wire::Encoding,
}

/// What happened.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum Event {
    #[component(name = "call")]
    Call(Call),
    #[component(name = "ready")]
    Ready(Vec<u32>),
    #[component(name = "asked")]
    Asked(u64),
    #[component(name = "dropped")]
    Dropped(u64),
    #[component(name = "over")]
    Over,
}

/// Links the functions.
pub(in super::super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut calls = linker.instance("rustyray:core/calls@0.1.0")?;
    calls.func_wrap_async("next", |store: Store<'_>, (objects, count, timeout_ns)| {
        Box::new(async move { Ok((next(store, objects, count, timeout_ns).await?,)) })
    })?;
    calls.func_wrap_async("enter", |store: Store<'_>, (call,): (u64,)| {
        Box::new(async move { Ok((enter(store, TaskId(call)).await?,)) })
    })?;
    calls.func_wrap_async("reply", |store: Store<'_>, (call, answer): (u64, Answer)| {
        Box::new(reply(store, call, answer))
    })
}

/// Begins to serve calls: the guest is about to be called.
pub(in super::super) fn begin(mut store: Store<'_>, concurrent_calls: Arc<ConcurrentCalls>) {
    let guest = store.data_mut();
    guest.serve(concurrent_calls.charged());
    let serving = Serving { concurrent_calls, metered: false, between: true };
    guest.serving = Some(Box::new(serving));
    tank::fill(store, HOUSEKEEPING_FUEL);
}

/// Ends it: the guest has returned, or trapped. Gives whether that was between two calls.
pub(in super::super) fn end(mut store: Store<'_>) -> bool {
    store.data_mut().serving.take().is_some_and(|serving| serving.between)
}

async fn next(
    mut store: Store<'_>,
    objects: Vec<Resource<ObjectRef>>,
    count: u32,
    timeout_ns: Option<u64>,
) -> wasmtime::Result<Event> {
    let guest = store.data_mut();
    guest.count_call();
    let (concurrent_calls, objects) = (guest.concurrent_calls()?, guest.take_wait(objects)?);
    leave(&mut store, &concurrent_calls);
    let event =
        wait_for_event(&mut store, &concurrent_calls, &objects, count as usize, timeout_ns.map(Duration::from_nanos))
            .await;
    store.data_mut().end_wait(&objects);
    event
}

async fn wait_for_event(
    store: &mut Store<'_>,
    concurrent_calls: &Arc<ConcurrentCalls>,
    objects: &Arc<[ObjectRef]>,
    count: usize,
    timeout: Option<Duration>,
) -> wasmtime::Result<Event> {
    let port = store.data().port.clone();
    let until = timeout.and_then(|timeout| port.clock().now().checked_add(timeout));
    loop {
        let wanted = store.data_mut().wanted(objects, count);
        let from_memory = wanted.coming.is_empty();
        let left = until.map(|until| until.saturating_duration_since(port.clock().now())).or(timeout);
        if let Some(news) = wait_for_news(&*port, concurrent_calls, &wanted, left).await {
            return store.data_mut().event(news);
        }
        let ready = store.data().come(objects);
        // What was read may be lost, and made again: then the time is not over yet.
        let is_over = || until.is_some_and(|until| until <= port.clock().now());
        if from_memory || !ready.is_empty() || is_over() {
            return Ok(Event::Ready(ready));
        }
    }
}

async fn enter(mut store: Store<'_>, call: TaskId) -> wasmtime::Result<bool> {
    let guest = store.data_mut();
    guest.count_call();
    let concurrent_calls = guest.concurrent_calls()?;
    leave(&mut store, &concurrent_calls);
    poll_fn(|cx| concurrent_calls.poll_may_go_on(call, cx)).await;
    let Some((task, waited)) = concurrent_calls.enter(call) else { return Ok(false) };
    let guest = store.data_mut();
    if waited {
        guest.port.emit(&task, EventKind::GoesOn);
    }
    guest.charge(task.clone());
    if let Some(serving) = &mut guest.serving {
        (serving.metered, serving.between) = (true, false);
    }
    tank::fill(store, task.fuel_left(task.meter().fuel_used()));
    Ok(true)
}

async fn reply(mut store: Store<'_>, call: u64, answer: Answer) -> wasmtime::Result<()> {
    let guest = store.data_mut();
    guest.count_call();
    let concurrent_calls = guest.concurrent_calls()?;
    // Who has entered it has waited there, but for results that came since.
    poll_fn(|cx| concurrent_calls.poll_may_go_on(TaskId(call), cx)).await;
    let guest = store.data_mut();
    let answer = match answer {
        Ok(payload) => Ok(take_payload(&mut guest.table, payload)?),
        Err(failure) => Err(program_error(failure)),
    };
    if concurrent_calls.answer(TaskId(call), answer)
        && let Some(serving) = &mut guest.serving
    {
        (serving.metered, serving.between) = (false, true);
        tank::fill(store, HOUSEKEEPING_FUEL);
    }
    Ok(())
}

/// The guest leaves the call that it ran, and has what it may burn until it enters another.
fn leave(store: &mut Store<'_>, concurrent_calls: &Arc<ConcurrentCalls>) {
    if let Some(task) = concurrent_calls.leave() {
        store.data().port.emit(&task, EventKind::Waits { for_task: true });
    }
    let guest = store.data_mut();
    let Some(serving) = &mut guest.serving else { return };
    let before = std::mem::replace(&mut serving.between, true);
    if !before {
        // However little the call has left that it left: what it lacks is its own affair when it is entered again.
        tank::fill(store, HOUSEKEEPING_FUEL);
    }
}

impl Guest {
    fn concurrent_calls(&self) -> wasmtime::Result<Arc<ConcurrentCalls>> {
        let serving = self.serving.as_ref().ok_or_else(|| broken_contract("no call is served here".to_owned()))?;
        Ok(serving.concurrent_calls.clone())
    }

    /// Does it serve calls, of which none has run yet or the last one is answered?
    pub(in super::super) fn runs_for_nobody(&self) -> bool {
        self.serving.as_ref().is_some_and(|serving| !serving.metered)
    }

    /// How often this guest gave up its turn, whatever it ran.
    pub(in super::super) fn turns(&self) -> u64 {
        self.serving
            .as_ref()
            .map_or_else(|| self.task().meter().turns.get(), |serving| serving.concurrent_calls.turns())
    }

    fn event(&mut self, news: News) -> wasmtime::Result<Event> {
        Ok(match news {
            News::Call(task, arguments) => Event::Call(self.call(&task, arguments)?),
            News::Asked(call) => Event::Asked(call.0),
            News::Dropped(call) => Event::Dropped(call.0),
            News::Over => Event::Over,
        })
    }

    fn call(&mut self, task: &TaskRecord, arguments: Vec<Held>) -> wasmtime::Result<Call> {
        let bytes: usize = arguments.iter().map(|argument| argument.payload().data.len()).sum();
        task.meter().bytes_in.add(bytes as u64);
        let reply = match task.spec.work {
            Work::Call { reply, .. } => reply,
            Work::Task { .. } | Work::Main { .. } | Work::Construct { .. } => Encoding::default(),
        };
        let given = arguments.iter().map(|argument| give_payload(&mut self.handles(), argument.payload()));
        let given = given.collect::<wasmtime::Result<_>>()?;
        drop(arguments);
        task.arguments_given();
        Ok(Call { id: task.spec.id.0, method: task.spec.plan.entry.clone(), arguments: given, reply: reply.into() })
    }
}
