//! A call of a function that a component exports by types of its own.

use std::sync::Arc;

use wasmtime::component::{ResourceType, Val};
use wasmtime::{AsContextMut, Store, Trap};

use super::guest::Guest;
use super::host_call_yield::give_up_turn;
use super::instance::{Instance, explained};
use super::reflected::steps::Step;
use super::reflected::{Argument, Budget, Kept, Left, Payer, PlainFunction, lifted, text};
use super::tank;
use super::trap::is_too_much_taken;
use super::turn::ResultRoom;
use crate::state::object::payload::{Encoding, Held, Payload};
use crate::state::task::TaskRecord;
use crate::types;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::WIT_STEPS_A_TURN;

impl Instance {
    /// Calls it. Resources that it takes are made before, in the same instance.
    ///
    /// # Errors
    /// The program's error, or what ended the guest.
    pub(super) async fn run_plain(
        &mut self,
        name: &Arc<str>,
        arguments: Vec<Held>,
        reply: Encoding,
    ) -> Result<Payload, TaskError> {
        let plain = self.module.plain.function(name).cloned().ok_or_else(missing)?;
        let bytes: usize = arguments.iter().map(|argument| argument.payload().data.len()).sum();
        self.task().meter().bytes_in.add(bytes as u64);
        let mut left = Left::default();
        let read = self.translated(&mut left, |budget| plain.arguments(&arguments, budget)).await?;
        // What it is called with is another form of them.
        drop(arguments);
        self.task().arguments_given();
        let mut given = Kept { made: Vec::with_capacity(read.made.len()), bytes: read.bytes };
        for argument in read.made {
            given.made.push(match argument {
                Argument::Value(value) => value,
                Argument::Made(resource, steps) => self.made(resource, &steps, &mut left).await?,
            });
        }
        let results = self.call_plain(&plain, given).await?;
        let payload = self.translated(&mut left, |budget| plain.value(&results.made, reply, budget)).await?;
        self.let_go(results);
        self.task().meter().bytes_out.add(payload.made.data.len() as u64);
        // It is the guest's until that is gone, which is now.
        Ok(payload.made)
    }

    /// What this makes of values, at the task's expense: it burns fuel, its memory is the guest's, and it ends when the task is to end. Long
    /// work is followed by others' turn, in which whoever ends tasks ends this one.
    async fn translated<T>(
        &mut self,
        left: &mut Left,
        work: impl FnOnce(&mut Budget<'_>) -> Result<T, TaskError>,
    ) -> Result<Kept<T>, TaskError> {
        let mut task = Paying { store: &mut self.store, looks: 0 };
        let done = {
            let mut budget = Budget::new(*left, &mut task);
            let made = work(&mut budget);
            budget.done(made)
        };
        // The last look is that of whatever is done, be it ever so short.
        if task.looks > 1 {
            self.give_up_turn().await?;
        }
        let (kept, rest) = done?;
        *left = rest;
        Ok(kept)
    }

    async fn give_up_turn(&mut self) -> Result<(), TaskError> {
        give_up_turn().await;
        go_on(self.store.data())
    }

    /// What was made for the guest is needed no more.
    fn let_go<T>(&mut self, kept: Kept<T>) {
        let Kept { made, bytes } = kept;
        drop(made);
        self.store.data_mut().limiter.let_go_of_values(bytes);
    }

    /// Calls it with these values. They stay for as long as it runs: the engine has them copied into the guest by then, but tells nobody.
    async fn call_plain(&mut self, plain: &PlainFunction, given: Kept<Vec<Val>>) -> Result<Kept<Vec<Val>>, TaskError> {
        // The engine of components with async functions makes a copy for itself.
        let copied = match self.store.concurrent_resource_table() {
            Some(_) => given.bytes,
            None => 0,
        };
        let guest = self.store.data_mut();
        guest.limiter.keep_values(copied)?;
        let outcome = self.results(plain, &given.made).await;
        self.store.data_mut().limiter.let_go_of_values(copied);
        self.let_go(given);
        let made = outcome?;
        let bytes = lifted::bytes(&made) as u64;
        self.store.data_mut().limiter.keep_values(bytes)?;
        Ok(Kept { made, bytes })
    }

    async fn results(&mut self, plain: &PlainFunction, given: &[Val]) -> Result<Vec<Val>, TaskError> {
        let mut results = plain.results();
        let function = self.instance.get_func(&mut self.store, plain.index).ok_or_else(missing)?;
        let room = ResultRoom { for_others: self.store.hostcall_fuel(), bytes_each: plain.result_bytes_each() };
        self.store.data_mut().result_room = Some(room);
        let outcome = function.call_async(&mut self.store, given, &mut results).await;
        self.store.data_mut().result_room = None;
        let has_no_room = self.store.hostcall_fuel() != room.for_others;
        self.store.set_hostcall_fuel(room.for_others);
        match outcome {
            Ok(()) => Ok(results),
            Err(error) if has_no_room && is_too_much_taken(&error) => {
                Err(self.store.data().limiter.no_room_for_result())
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// The resource that these calls make.
    async fn made(&mut self, resource: ResourceType, steps: &[Step], left: &mut Left) -> Result<Val, TaskError> {
        let module = self.module.clone();
        let known = module.plain.steps(resource);
        let mut made: Option<Val> = None;
        for (number, step) in steps.iter().enumerate() {
            if number % WIT_STEPS_A_TURN == WIT_STEPS_A_TURN - 1 {
                self.give_up_turn().await?;
            }
            let plain = known.and_then(|steps| steps.get(&step.name, made.is_some()));
            let plain = plain.ok_or_else(|| unknown(step, made.is_some()))?;
            let given = self.translated(left, |budget| step.given(plain.parameters(), made.as_ref(), budget)).await?;
            let results = self.call_plain(plain, given).await?;
            match made {
                None => {
                    let handle = self.translated(left, |budget| plain.handle(&results.made, budget)).await?;
                    made = Some(handle.made);
                }
                // An error ends it; any other result is nobody's.
                Some(_) => {
                    let value = self.translated(left, |budget| plain.value(&results.made, Encoding::Json, budget));
                    let value = value.await?;
                    self.let_go(value);
                }
            }
            self.let_go(results);
        }
        made.ok_or_else(|| TaskError::new(ErrorKind::InvalidArgument, "nothing makes the resource"))
    }
}

/// The task of a guest, for which the host makes values.
struct Paying<'a> {
    store: &'a mut Store<Guest>,
    /// How often it was looked whether the task is to stop.
    looks: u32,
}

impl Payer for Paying<'_> {
    fn burn(&mut self, fuel: u64) -> Result<(), TaskError> {
        self.looks += 1;
        pay(self.store, fuel)
    }

    fn keep(&mut self, bytes: u64) -> Result<(), TaskError> {
        self.store.data_mut().limiter.keep_values(bytes)
    }

    fn let_go(&mut self, bytes: u64) {
        self.store.data_mut().limiter.let_go_of_values(bytes);
    }
}

/// Burns so much fuel for what the host does.
fn pay(store: &mut Store<Guest>, fuel: u64) -> Result<(), TaskError> {
    tank::burn(&mut store.as_context_mut(), fuel);
    tank::charge(store.as_context_mut());
    let is_burned = |task: &TaskRecord| task.spec.budget.as_ref().is_some_and(types::budget::Budget::is_burned);
    if store.get_fuel().is_ok_and(|left| left == 0) || is_burned(store.data().task()) {
        return Err(explained(store, &Trap::OutOfFuel.into()));
    }
    go_on(store.data())
}

/// Ends what the host does for a task whose time is over, or which was ended: nothing else stops it where nothing is waited for.
fn go_on(guest: &Guest) -> Result<(), TaskError> {
    let task = guest.task();
    let is_late = || task.deadline().is_some_and(|at| at <= guest.port.clock().now());
    match task.was_ended() || is_late() {
        // Its runtime knows why, and says it.
        true => {
            Err(TaskError::new(ErrorKind::TaskFailed, "it was ended while its arguments or its result were translated"))
        }
        false => Ok(()),
    }
}

fn missing() -> TaskError {
    TaskError::new(ErrorKind::TaskNotFound, "the component exports no such function")
}

fn unknown(step: &Step, is_there: bool) -> TaskError {
    let name = text::brief_name(&step.name);
    let name = name.escape_debug();
    TaskError::new(
        ErrorKind::InvalidArgument,
        match is_there {
            true => format!("the resource has no method '{name}' that can be called"),
            false => format!("no function '{name}' gives the resource: it begins with `new`, or another that does"),
        },
    )
}
