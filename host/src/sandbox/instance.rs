//! One guest's instance: started for a task or an actor, called, and dropped.

use std::sync::Arc;

use wasmtime::component::{self, ComponentExportIndex, ComponentNamedList, Lift, Lower, TypedFunc};
use wasmtime::{AsContextMut, Store};

use super::coming::Coming;
use super::convert::{give_payload, program_error, take_payload};
use super::engine::Sandbox;
use super::exports::{CallFunc, ConstructFunc, GuestExports, RestoreFunc, SaveFunc, ServeFunc};
use super::guest::Guest;
use super::host_call_yield::Turns;
use super::host_calls::calls;
use super::manifest::checked_manifest;
use super::module::LoadedModule;
use super::module_error::ModuleError;
use super::tank;
use super::trap::{component_handles, exit_code, explain};
use super::wire;
use crate::port::Port;
use crate::state::actor::concurrent_calls::ConcurrentCalls;
use crate::state::object::payload::{Encoding, Held, Payload};
use crate::state::task::TaskRecord;
use crate::types::budget::Budget;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{
    CHECKPOINT_BYTES_MAX, CHECKPOINT_FUEL, CONCURRENT_ENTRIES_MAX, FUEL_SLICE, MANIFEST_CALL_FUEL, MANIFEST_LIFT_BYTES,
    TaskLimits,
};
use crate::types::manifest::Manifest;

/// Bytes that one host call may take out of a guest beyond the size of its memory. Without a bound a list of a million
/// strings that all lie at one place would cost the host a million times its size.
const HOST_CALL_BYTES_EXTRA: u64 = 1 << 20;

/// A guest's instance. After a trap it is dead, and only good to be dropped.
pub struct Instance {
    pub(super) store: Store<Guest>,
    pub(super) instance: component::Instance,
    pub(super) module: Arc<LoadedModule>,
    /// The function that serves an actor's calls, once it was asked for.
    serve: Option<CallFunc>,
}

impl Instance {
    /// Starts an instance for `task`, within its limits.
    ///
    /// # Errors
    /// What the guest did while it started, or that the machine has no room for it.
    pub async fn start(
        sandbox: &Sandbox,
        module: &Arc<LoadedModule>,
        task: Arc<TaskRecord>,
        port: Arc<dyn Port>,
    ) -> Result<Self, TaskError> {
        Self::begin(sandbox, module, task, port, None).await
    }

    /// The same for a module that is asked what it offers: its calls of the host burn fuel.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn start_to_describe(
        sandbox: &Sandbox,
        module: &Arc<LoadedModule>,
        task: Arc<TaskRecord>,
        port: Arc<dyn Port>,
    ) -> Result<Self, TaskError> {
        Self::begin(sandbox, module, task, port, Some(MANIFEST_CALL_FUEL)).await
    }

    async fn begin(
        sandbox: &Sandbox,
        module: &Arc<LoadedModule>,
        task: Arc<TaskRecord>,
        port: Arc<dyn Port>,
        call_fuel: Option<u64>,
    ) -> Result<Self, TaskError> {
        let limits = task.spec.plan.limits.clone();
        let fuel = task.fuel_left(0);
        let mut guest = Guest::new(task, &limits, port, sandbox.places.clone());
        guest.call_fuel = call_fuel;
        guest.extensions = sandbox.imports.iter().filter_map(|set| set.make.as_ref()).map(|make| make()).collect();
        let mut store = Store::new(module.pre.engine(), guest);
        store.limiter(|guest| &mut guest.limiter);
        store.call_hook_async(Turns);
        store.set_max_component_handles(component_handles(limits.memory_bytes));
        // Of a component that has async functions. None of them is called, and what it makes for them is on no account.
        store.concurrent_resource_table().into_iter().for_each(|table| table.set_max_capacity(CONCURRENT_ENTRIES_MAX));
        store.set_hostcall_fuel(limits.memory_bytes.saturating_add(HOST_CALL_BYTES_EXTRA) as usize);
        tank::fill(&mut store, fuel);
        let begun = async {
            store.fuel_async_yield_interval(Some(FUEL_SLICE))?;
            module.pre.instantiate_async(&mut store).await
        }
        .await;
        match begun {
            Ok(instance) => Ok(Instance { store, instance, module: module.clone(), serve: None }),
            Err(error) => Err(explained(&store, &error)),
        }
    }

    /// Runs the task that the instance was started for.
    ///
    /// # Errors
    /// The program's error, or what ended the guest.
    pub async fn run_task(&mut self, arguments: Vec<Held>, reply: Encoding) -> Result<Payload, TaskError> {
        let entry = self.task().spec.plan.entry.clone();
        if self.module.guest.is_none() {
            return self.run_plain(&entry, arguments, reply).await;
        }
        let run = self.export(|guest| guest.run_task)?;
        self.call_function(run, entry, arguments, reply).await
    }

    /// Makes the instance an actor of this type.
    ///
    /// # Errors
    /// The constructor's error, or what ended the guest.
    pub async fn construct(
        &mut self,
        type_name: &Arc<str>,
        constructor: &Arc<str>,
        arguments: Vec<Held>,
    ) -> Result<(), TaskError> {
        let construct: ConstructFunc = self.export(|guest| guest.construct)?;
        let (given, _in_use) = self.give(arguments)?;
        let (type_name, constructor) = (type_name.clone(), constructor.clone());
        let outcome = construct.call_async(&mut self.store, (type_name, constructor, given)).await;
        self.end_call();
        let (result,) = outcome.map_err(|error| self.failed(&error))?;
        result.map_err(program_error)
    }

    /// Makes the instance an actor of this type, with the state that another had.
    ///
    /// # Errors
    /// The state is of another definition, or what ended the guest.
    pub async fn restore(&mut self, type_name: &Arc<str>, state: &Payload) -> Result<(), TaskError> {
        let restore: RestoreFunc = self.export(|guest| guest.restore)?;
        let state = give_payload(&mut self.store.data_mut().handles(), state).map_err(|error| self.failed(&error))?;
        let outcome = restore.call_async(&mut self.store, (type_name.clone(), state)).await;
        let (result,) = outcome.map_err(|error| self.failed(&error))?;
        result.map_err(program_error)
    }

    /// The actor's state, on fuel of its own: as much as the task that it serves may have, less where the budget has less left, and at most
    /// [`CHECKPOINT_FUEL`]. `Ok(Err)` is a state that cannot be kept; the actor goes on with it.
    ///
    /// # Errors
    /// What ended the guest.
    pub async fn save(&mut self) -> Result<Result<Payload, TaskError>, TaskError> {
        let save: SaveFunc = self.export(|guest| guest.save)?;
        let fuel = self.task().fuel_left(0).min(CHECKPOINT_FUEL);
        tank::fill(&mut self.store, fuel);
        let saved = save.call_async(&mut self.store, ()).await;
        let (result,) = saved.map_err(|error| match self.failed(&error) {
            error if error.kind == ErrorKind::OutOfFuel && self.task().burned_budget().is_none() => {
                TaskError::of_limit(ErrorKind::OutOfFuel, "checkpoint-fuel", fuel, fuel)
            }
            error => error,
        })?;
        let taken = result.map_err(program_error).map(|state| take_payload(&mut self.store.data_mut().table, state));
        let state = match taken {
            Ok(taken) => taken.map_err(|error| explain(&error, &TaskLimits::default(), None))?,
            Err(refused) => return Ok(Err(refused)),
        };
        Ok(checked_state(state))
    }

    /// Calls a method of the actor, for the task that is served now.
    ///
    /// # Errors
    /// The method's error, or what ended the guest.
    pub async fn call(&mut self, arguments: Vec<Held>, reply: Encoding) -> Result<Payload, TaskError> {
        let serve = match self.serve {
            Some(serve) => serve,
            None => self.export(|guest| guest.call)?,
        };
        self.serve = Some(serve);
        let method = self.task().spec.plan.entry.clone();
        self.call_function(serve, method, arguments, reply).await
    }

    /// Serves these calls, and those that join them, until none is left.
    ///
    /// # Errors
    /// What ended the guest.
    pub async fn serve_calls(&mut self, concurrent_calls: Arc<ConcurrentCalls>) -> Result<(), TaskError> {
        let missing = || TaskError::new(ErrorKind::TaskNotFound, "the module serves one call at a time");
        let serve = self.module.guest.as_ref().and_then(|guest| guest.serve).ok_or_else(missing)?;
        let serve: ServeFunc = self.export(|_| serve)?;
        calls::begin(self.store.as_context_mut(), concurrent_calls);
        let outcome = serve.call_async(&mut self.store, ()).await;
        let between = calls::end(self.store.as_context_mut());
        outcome.map_err(|error| match self.failed(&error) {
            error if between && error.kind == ErrorKind::OutOfFuel => {
                TaskError::new(ErrorKind::WorkerCrashed, "it ran for too long between two calls, and served none")
            }
            error => error,
        })
    }

    /// Runs the module's `main`, and gives its exit code.
    ///
    /// # Errors
    /// What ended the guest. A program that exits with a code has not failed here.
    pub async fn run_main(&mut self) -> Result<i32, TaskError> {
        let missing = || TaskError::new(ErrorKind::TaskNotFound, "the module has no main");
        let run = self.module.run.ok_or_else(missing)?;
        let outcome = async {
            let run = self.instance.get_typed_func::<(), (Result<(), ()>,)>(&mut self.store, run)?;
            run.call_async(&mut self.store, ()).await
        }
        .await;
        match outcome {
            Ok((result,)) => Ok(i32::from(result.is_err())),
            Err(error) => match exit_code(&error) {
                Some(code) => Ok(code),
                None => Err(self.failed(&error)),
            },
        }
    }

    /// Asks the module what it offers.
    ///
    /// # Errors
    /// What is wrong with the answer, or what ended the guest.
    pub async fn manifest(&mut self) -> Result<Manifest, ModuleError> {
        let Some(guest) = &self.module.guest else {
            return Err(ModuleError::BadManifest("it has none".to_owned()));
        };
        let describe = guest.checked(&self.instance, &mut self.store)?;
        self.store.set_hostcall_fuel(MANIFEST_LIFT_BYTES);
        match describe.call_async(&mut self.store, ()).await {
            Ok((manifest,)) => checked_manifest(manifest, guest.serve.is_some()),
            Err(error) => Err(ModuleError::NoManifest(self.failed(&error))),
        }
    }

    /// The actor's next call: its fuel, its output and its memory count for `task` from now on.
    pub fn serve(&mut self, task: Arc<TaskRecord>) {
        tank::fill(&mut self.store, task.fuel_left(0));
        self.store.data_mut().serve(task);
    }

    /// The call that was served is over: what it asked for is not held for it any more.
    fn end_call(&mut self) {
        self.store.data_mut().coming = Coming::default();
    }

    pub(super) fn task(&self) -> &Arc<TaskRecord> {
        self.store.data().task()
    }

    /// A function that the module exports. Its type was checked when the module was loaded, and is again: wasmtime cannot
    /// know that.
    fn export<P, R>(
        &mut self,
        index: impl FnOnce(&GuestExports) -> ComponentExportIndex,
    ) -> Result<TypedFunc<P, R>, TaskError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let missing = || TaskError::new(ErrorKind::TaskNotFound, "the module has no tasks and actors");
        let index = index(self.module.guest.as_ref().ok_or_else(missing)?);
        self.instance.get_typed_func(&mut self.store, index).map_err(|error| self.failed(&error))
    }

    async fn call_function(
        &mut self,
        function: CallFunc,
        name: Arc<str>,
        arguments: Vec<Held>,
        reply: Encoding,
    ) -> Result<Payload, TaskError> {
        let (given, _in_use) = self.give(arguments)?;
        let outcome = function.call_async(&mut self.store, (name, given, reply.into())).await;
        self.end_call();
        let (result,) = outcome.map_err(|error| self.failed(&error))?;
        let guest = self.store.data_mut();
        let payload = take_payload(&mut guest.table, result.map_err(program_error)?)
            .map_err(|error| explain(&error, &TaskLimits::default(), None))?;
        guest.task().meter().bytes_out.add(payload.data.len() as u64);
        Ok(payload)
    }

    /// The arguments, their handles in the guest's table; and those that are in use until the guest returns.
    fn give(&mut self, mut arguments: Vec<Held>) -> Result<(Vec<wire::Payload>, Vec<Held>), TaskError> {
        let guest = self.store.data_mut();
        let bytes: usize = arguments.iter().map(|argument| argument.payload().data.len()).sum();
        guest.task().meter().bytes_in.add(bytes as u64);
        let mut handles = guest.handles();
        let given = arguments.iter().map(|argument| give_payload(&mut handles, argument.payload()));
        let given = given.collect::<wasmtime::Result<_>>().map_err(|error| self.failed(&error))?;
        arguments.retain(Held::stays_in_use);
        self.task().arguments_given();
        Ok((given, arguments))
    }

    pub(super) fn failed(&self, error: &wasmtime::Error) -> TaskError {
        explained(&self.store, error)
    }
}

/// What ended the guest, as an error of its task.
pub(super) fn explained(store: &Store<Guest>, error: &wasmtime::Error) -> TaskError {
    let task = store.data().task();
    match exit_code(error) {
        Some(code) => {
            TaskError::new(ErrorKind::WorkerCrashed, format!("it exited with code {code} instead of returning"))
        }
        None => match explain(error, &task.spec.plan.limits, task.meter().stderr_tail().as_deref()) {
            // It had less than its own limit.
            error if error.kind == ErrorKind::OutOfFuel => task.burned_budget().map_or(error, Budget::out_of_fuel),
            error => error,
        },
    }
}

/// A state that means the same to another process, and is not too large.
fn checked_state(state: Payload) -> Result<Payload, TaskError> {
    if !state.references.is_empty() {
        let text =
            "a checkpoint cannot hold references to objects or actors: they would lead nowhere in another process";
        return Err(TaskError::new(ErrorKind::InvalidArgument, text));
    }
    let bytes = state.data.len() as u64;
    if bytes > CHECKPOINT_BYTES_MAX {
        return Err(TaskError::of_limit(ErrorKind::LimitExceeded, "checkpoint-bytes", CHECKPOINT_BYTES_MAX, bytes));
    }
    Ok(state)
}
