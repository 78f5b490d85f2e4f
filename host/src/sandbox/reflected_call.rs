//! A call of a function that a component exports by types of its own.

use std::sync::Arc;

use wasmtime::component::{ResourceType, Val};
use wasmtime::{AsContextMut, Store, Trap};

use super::guest::Guest;
use super::host_call_yield::give_up_turn;
use super::instance::{Instance, explained};
use super::reflected::resources;
use super::reflected::resources::Step;
use super::reflected::{Argument, Budget, Left, PlainFunction};
use super::tank;
use crate::state::object::payload::{Encoding, Held, Payload};
use crate::state::task::TaskRecord;
use crate::types;
use crate::types::error::{ErrorKind, TaskError};

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
        let (read, mut left) = self.translated(Left::default(), |budget| plain.arguments(&arguments, budget)).await?;
        // What it is called with is another form of them.
        drop(arguments);
        self.task().arguments_given();
        let mut given = Vec::with_capacity(read.len());
        for argument in read {
            given.push(match argument {
                Argument::Value(value) => value,
                Argument::Made(resource, steps) => self.made(resource, &steps, &mut left).await?,
            });
        }
        let results = self.call_plain(&plain, &given).await?;
        let (payload, _) = self.translated(left, |budget| plain.value(&results, reply, budget)).await?;
        self.task().meter().bytes_out.add(payload.data.len() as u64);
        Ok(payload)
    }

    /// What this makes of values, at the task's expense: it burns fuel, and ends when the task is to end. Long work is followed by
    /// others' turn, in which whoever ends tasks ends this one.
    async fn translated<T>(
        &mut self,
        left: Left,
        work: impl FnOnce(&mut Budget<'_>) -> Result<T, TaskError>,
    ) -> Result<(T, Left), TaskError> {
        let mut looks = 0;
        let done = {
            let mut pay = |fuel| {
                looks += 1;
                pay(&mut self.store, fuel)
            };
            let mut budget = Budget::new(left, &mut pay);
            let made = work(&mut budget);
            budget.done(made)
        };
        // The last look is that of whatever is done, be it ever so short.
        if looks > 1 {
            give_up_turn().await;
            go_on(self.store.data())?;
        }
        done
    }

    async fn call_plain(&mut self, plain: &PlainFunction, given: &[Val]) -> Result<Vec<Val>, TaskError> {
        let mut results = plain.results();
        let function = self.instance.get_func(&mut self.store, plain.index).ok_or_else(missing)?;
        let outcome = function.call_async(&mut self.store, given, &mut results).await;
        outcome.map_err(|error| self.failed(&error))?;
        Ok(results)
    }

    /// The resource that these calls make.
    async fn made(&mut self, resource: ResourceType, steps: &[Step], left: &mut Left) -> Result<Val, TaskError> {
        let mut made: Option<Val> = None;
        for step in steps {
            let plain = self.module.plain.step(resource, &step.name, made.is_some()).cloned();
            let plain = plain.ok_or_else(|| unknown(step, made.is_some()))?;
            let given;
            (given, *left) = self.translated(*left, |budget| step.given(&plain, made.as_ref(), budget)).await?;
            let results = self.call_plain(&plain, &given).await?;
            match made {
                None => {
                    let handle = self.translated(*left, |budget| resources::handle(&plain, &results, budget));
                    made = Some(handle.await?.0);
                }
                // An error ends it; any other result is nobody's.
                Some(_) => {
                    let value = self.translated(*left, |budget| plain.value(&results, Encoding::Json, budget));
                    drop(value.await?);
                }
            }
        }
        made.ok_or_else(|| TaskError::new(ErrorKind::InvalidArgument, "nothing makes the resource"))
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
    let name = step.name.escape_debug();
    TaskError::new(
        ErrorKind::InvalidArgument,
        match is_there {
            true => format!("the resource has no method '{name}' that can be called"),
            false => format!("no function '{name}' gives the resource: it begins with `new`, or another that does"),
        },
    )
}
