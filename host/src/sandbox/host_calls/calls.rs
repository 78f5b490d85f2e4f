//! `rustyray:core/calls`, linked by hand: what runs changes in the middle of these functions, and with it whose fuel burns.
//!
//! The call that runs burns its own fuel. What the guest does between two calls is on the account of the one that ran last, or of
//! nobody once that is answered; there is an allowance for it, which comes again with a call that runs or is answered. So a
//! guest that serves no call does not run for long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource};

use super::super::convert::{give_payload, take_payload};
use super::super::guest::Guest;
use super::super::instance::program_error;
use super::super::trap::broken_contract;
use super::super::wire;
use crate::port::Port;
use crate::port::waiting::wait_for_news;
use crate::state::gathering::Gathering;
use crate::state::object::{ObjectRef, Outcome};
use crate::state::parking::Awaited;
use crate::state::payload::{Encoding, Held};
use crate::state::shift::{News, Shift};
use crate::state::task::{TaskRecord, Work};
use crate::words::event::EventKind;
use crate::words::ids::{ObjectId, TaskId};
use crate::words::limits::{HANDLES_MAX, HOUSEKEEPING_FUEL};

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

/// The calls that a guest serves at once.
pub(in super::super) struct Serving {
    shift: Arc<Shift>,
    /// Does the fuel that burns count for the call that ran last?
    metered: bool,
    /// What that call has burned, of which the meter knows only when it is told.
    used: u64,
    /// What was in the tank when somebody last looked.
    left: u64,
    /// Is it between two calls?
    between: bool,
    /// What some of the calls wait for that is on disk: the others go on meanwhile.
    coming: HashMap<ObjectId, Arc<Gathering>>,
}

impl Serving {
    /// So much is left now. What is gone since the last look was burned by the last call.
    fn account(&mut self, left: u64, task: &TaskRecord) {
        if self.metered {
            self.used += self.left.saturating_sub(left);
            task.meter().fuel_used.set(self.used);
        }
        self.left = left;
    }
}

/// Links the functions.
pub(in super::super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut calls = linker.instance("rustyray:core/calls@0.1.0")?;
    calls.func_wrap_async("next", |store: Store<'_>, (objects, count, timeout_ns)| {
        Box::new(async move { Ok((next(store, objects, count, timeout_ns).await?,)) })
    })?;
    calls.func_wrap("enter", |store: Store<'_>, (call,): (u64,)| Ok((enter(store, TaskId(call))?,)))?;
    calls.func_wrap("reply", |store: Store<'_>, (call, answer): (u64, Answer)| reply(store, call, answer))
}

/// Begins a shift: the guest is about to be called.
pub(in super::super) fn begin(mut store: Store<'_>, shift: Arc<Shift>) {
    let guest = store.data_mut();
    guest.serve(shift.charged());
    let serving =
        Serving { shift, metered: false, used: 0, left: HOUSEKEEPING_FUEL, between: true, coming: HashMap::new() };
    guest.serving = Some(Box::new(serving));
    fill(&mut store, HOUSEKEEPING_FUEL);
}

/// Ends it: the guest has returned, or trapped. Gives whether that was between two calls.
pub(in super::super) fn end(mut store: Store<'_>) -> bool {
    account(&mut store);
    store.data_mut().serving.take().is_some_and(|serving| serving.between)
}

async fn next(
    mut store: Store<'_>,
    objects: Vec<Resource<ObjectRef>>,
    count: u32,
    timeout_ns: Option<u64>,
) -> wasmtime::Result<Event> {
    account(&mut store);
    let guest = store.data_mut();
    guest.count_call();
    let (shift, port, objects) = guest.wanted(&objects)?;
    leave(&mut store, &shift);
    let coming = store.data_mut().coming(&objects);
    let timeout = timeout_ns.map(Duration::from_nanos);
    match wait_for_news(&*port, &shift, &objects, count as usize, timeout, &coming).await {
        Some(news) => store.data_mut().event(news),
        None => {
            let guest = store.data();
            let ready = (0u32..).zip(objects.iter()).filter(|(_, object)| guest.has_come(object));
            Ok(Event::Ready(ready.map(|(index, _)| index).collect()))
        }
    }
}

fn enter(mut store: Store<'_>, call: TaskId) -> wasmtime::Result<bool> {
    account(&mut store);
    let guest = store.data_mut();
    guest.count_call();
    let shift = guest.shift()?;
    leave(&mut store, &shift);
    let Some((task, waited)) = shift.enter(call) else { return Ok(false) };
    let guest = store.data_mut();
    if waited {
        guest.port.happened(&task, EventKind::GoesOn);
    }
    guest.charge(task.clone());
    let used = task.meter().fuel_used.get();
    if let Some(serving) = &mut guest.serving {
        (serving.metered, serving.used, serving.between) = (true, used, false);
    }
    fill(&mut store, task.spec.plan.limits.fuel.unwrap_or(u64::MAX).saturating_sub(used));
    Ok(true)
}

fn reply(mut store: Store<'_>, call: u64, answer: Answer) -> wasmtime::Result<()> {
    account(&mut store);
    let guest = store.data_mut();
    guest.count_call();
    let shift = guest.shift()?;
    let answer = match answer {
        Ok(payload) => Ok(take_payload(&mut guest.table, payload)?),
        Err(failure) => Err(program_error(failure)),
    };
    if shift.answer(TaskId(call), answer)
        && let Some(serving) = &mut guest.serving
    {
        (serving.metered, serving.between) = (false, true);
        fill(&mut store, HOUSEKEEPING_FUEL);
    }
    Ok(())
}

/// The account of the call that ran, up to here.
fn account(store: &mut Store<'_>) {
    let left = store.get_fuel().unwrap_or_default();
    let guest = store.data_mut();
    let task = guest.task().clone();
    if let Some(serving) = &mut guest.serving {
        serving.account(left, &task);
    }
}

/// The guest leaves the call that it ran, and has what it may burn until it enters another.
fn leave(store: &mut Store<'_>, shift: &Arc<Shift>) {
    if let Some(task) = shift.leave() {
        store.data().port.happened(&task, EventKind::Waits { for_task: true });
    }
    let Some(serving) = &mut store.data_mut().serving else { return };
    let (left, before) = (serving.left, std::mem::replace(&mut serving.between, true));
    if !before {
        fill(store, left.min(HOUSEKEEPING_FUEL));
    }
}

/// Puts so much into the tank.
fn fill(store: &mut Store<'_>, fuel: u64) {
    // Fuel is enabled in every engine of this host, so that it can be set.
    let _ = store.set_fuel(fuel);
    if let Some(serving) = &mut store.data_mut().serving {
        serving.left = fuel;
    }
}

impl Guest {
    fn shift(&self) -> wasmtime::Result<Arc<Shift>> {
        let serving = self.serving.as_ref().ok_or_else(|| broken_contract("no call is served here".to_owned()))?;
        Ok(serving.shift.clone())
    }

    /// How often this guest gave up its turn, whatever it ran.
    pub(in super::super) fn turns(&self) -> u64 {
        self.serving.as_ref().map_or_else(|| self.task().meter().turns.get(), |serving| serving.shift.turns())
    }

    /// What a wait needs.
    fn wanted(&self, objects: &[Resource<ObjectRef>]) -> wasmtime::Result<(Arc<Shift>, Arc<dyn Port>, Awaited)> {
        if objects.len() > HANDLES_MAX {
            return Err(broken_contract(format!("a wait for {} objects: it can hold {HANDLES_MAX}", objects.len())));
        }
        let objects = objects.iter().map(|object| Ok(self.table.get(object)?.clone()));
        let objects: Vec<_> = objects.collect::<wasmtime::Result<_>>()?;
        Ok((self.shift()?, self.port.clone(), Awaited::Many(objects.into())))
    }

    /// Has those of the objects read back that are on disk, and gives all of these that the calls still wait for.
    fn coming(&mut self, objects: &[ObjectRef]) -> Vec<Arc<Gathering>> {
        if let Some(serving) = &mut self.serving {
            let wanted: HashMap<_, _> = objects.iter().map(|object| (object.id(), object)).collect();
            serving
                .coming
                .retain(|id, gathering| wanted.get(id).is_some_and(|object| !gathering.is_done() || object.is_ready()));
        }
        objects.iter().filter(|object| object.is_away()).for_each(|object| drop(self.begin_to_come(object)));
        self.serving.iter().flat_map(|serving| serving.coming.values().cloned()).collect()
    }

    fn begin_to_come(&mut self, object: &ObjectRef) -> Option<Arc<Gathering>> {
        let (port, task) = (self.port.clone(), self.task().clone());
        let serving = self.serving.as_mut()?;
        let begin = || Arc::new(port.gather(vec![object.clone()], 0, Some(&task)));
        Some(serving.coming.entry(object.id()).or_insert_with(begin).clone())
    }

    /// The value of an object that is on disk, once it has come; the calls do not wait for it. `None` outside of calls.
    pub(super) fn comes(&mut self, object: &ObjectRef) -> Option<Option<Outcome>> {
        let gathering = self.begin_to_come(object)?;
        let gathered = gathering.take();
        if let (Some(_), Some(serving)) = (&gathered, &mut self.serving) {
            serving.coming.remove(&object.id());
        }
        Some(gathered.and_then(|gathered| gathered.outcomes.into_iter().next().flatten()))
    }

    fn has_come(&self, object: &ObjectRef) -> bool {
        let coming = || self.serving.as_ref().and_then(|serving| serving.coming.get(&object.id()));
        object.is_ready() && (!object.is_away() || coming().is_some_and(|gathering| gathering.is_done()))
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
        let given = arguments.iter().map(|argument| give_payload(&mut self.table, argument.payload()));
        let given = given.collect::<wasmtime::Result<_>>()?;
        drop(arguments);
        task.arguments_given();
        Ok(Call { id: task.spec.id.0, method: task.spec.plan.entry.clone(), arguments: given, reply: reply.into() })
    }
}
