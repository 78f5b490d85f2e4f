//! One guest's instance: started for a task or an actor, called, and dropped.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component;

use super::bindings::Module;
use super::bindings::exports::rustyray::core::guest::Failure;
use super::convert::{give_payload, take_payload};
use super::engine::Sandbox;
use super::guest::Guest;
use super::module::{LoadedModule, ModuleError, checked_manifest};
use super::trap::{exit_code, explain};
use super::turns::Turns;
use super::wire;
use crate::port::Port;
use crate::state::payload::{Encoding, Payload, Value};
use crate::state::task::TaskRecord;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::limits::{FUEL_SLICE, HANDLES_MAX, TaskLimits};
use crate::words::manifest::Manifest;

/// Bytes that one host call may take out of a guest beyond the size of its memory. Without a bound a list of a million
/// strings that all lie at one place would cost the host a million times its size.
const HOST_CALL_BYTES_EXTRA: u64 = 1 << 20;

/// A guest's instance. After a trap it is dead, and only good to be dropped.
pub struct Instance {
    store: Store<Guest>,
    instance: component::Instance,
    module: Arc<LoadedModule>,
    exports: Option<Module>,
    /// Fuel at the beginning of the call that runs.
    fuel: u64,
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
        let limits = task.spec.limits.clone();
        let mut guest = Guest::new(task, &limits, port);
        guest.extensions = sandbox.imports.iter().filter_map(|set| set.make.as_ref()).map(|make| make()).collect();
        let mut store = Store::new(&sandbox.engine, guest);
        store.limiter(|guest| &mut guest.limiter);
        store.call_hook_async(Turns);
        // The guest's table refuses first, in our words; a handle that is lent for a call counts here once more.
        store.set_max_component_handles(2 * HANDLES_MAX);
        store.set_hostcall_fuel(limits.memory_bytes.saturating_add(HOST_CALL_BYTES_EXTRA) as usize);
        let fuel = limits.fuel.unwrap_or(u64::MAX);
        let begun = async {
            store.set_fuel(fuel)?;
            store.fuel_async_yield_interval(Some(FUEL_SLICE))?;
            let instance = module.pre.instantiate_async(&mut store).await?;
            let exports = module.guest.as_ref().map(|guest| guest.load(&mut store, &instance)).transpose()?;
            Ok((instance, exports))
        }
        .await;
        match begun {
            Ok((instance, exports)) => Ok(Instance { store, instance, module: module.clone(), exports, fuel }),
            Err(error) => Err(failed(&store, fuel, &error)),
        }
    }

    /// Runs the task that the instance was started for.
    ///
    /// # Errors
    /// The program's error, or what ended the guest.
    pub async fn run_task(&mut self, arguments: &[Arc<Value>], reply: Encoding) -> Result<Payload, TaskError> {
        let function = self.task().spec.function.clone();
        self.call_guest(arguments, async |exports, store, arguments| {
            exports.rustyray_core_guest().call_run_task(store, &function, arguments, reply.into()).await
        })
        .await
        .and_then(|result| self.result(result))
    }

    /// Makes the instance an actor of this type.
    ///
    /// # Errors
    /// The constructor's error, or what ended the guest.
    pub async fn construct(
        &mut self,
        type_name: &str,
        constructor: &str,
        arguments: &[Arc<Value>],
    ) -> Result<(), TaskError> {
        self.call_guest(arguments, async |exports, store, arguments| {
            exports.rustyray_core_guest().call_construct(store, type_name, constructor, arguments).await
        })
        .await?
        .map_err(program_error)
    }

    /// Calls a method of the actor, for the task that is served now.
    ///
    /// # Errors
    /// The method's error, or what ended the guest.
    pub async fn call(
        &mut self,
        method: &str,
        arguments: &[Arc<Value>],
        reply: Encoding,
    ) -> Result<Payload, TaskError> {
        self.call_guest(arguments, async |exports, store, arguments| {
            exports.rustyray_core_guest().call_call(store, method, arguments, reply.into()).await
        })
        .await
        .and_then(|result| self.result(result))
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
        self.read_meters();
        match outcome {
            Ok((result,)) => Ok(i32::from(result.is_err())),
            Err(error) => match exit_code(&error) {
                Some(code) => Ok(code),
                None => Err(failed(&self.store, self.fuel, &error)),
            },
        }
    }

    /// Asks the module what it offers.
    ///
    /// # Errors
    /// What is wrong with the answer, or what ended the guest.
    pub async fn manifest(&mut self) -> Result<Manifest, ModuleError> {
        let Some(exports) = &self.exports else {
            return Err(ModuleError::BadManifest("it has none".to_owned()));
        };
        match exports.rustyray_core_guest().call_describe(&mut self.store).await {
            Ok(manifest) => checked_manifest(manifest),
            Err(error) => Err(ModuleError::NoManifest(failed(&self.store, self.fuel, &error))),
        }
    }

    /// The actor's next call: its fuel, its output and its memory count for `task` from now on.
    pub fn serve(&mut self, task: Arc<TaskRecord>) {
        self.fuel = task.spec.limits.fuel.unwrap_or(u64::MAX);
        // Fuel is enabled in every engine of this host, so that it can be set.
        let _ = self.store.set_fuel(self.fuel);
        self.store.data_mut().serve(task);
    }

    fn task(&self) -> &Arc<TaskRecord> {
        self.store.data().task()
    }

    async fn call_guest<T>(
        &mut self,
        arguments: &[Arc<Value>],
        call: impl AsyncFnOnce(&Module, &mut Store<Guest>, &[wire::Payload]) -> wasmtime::Result<T>,
    ) -> Result<T, TaskError> {
        let missing = || TaskError::new(ErrorKind::TaskNotFound, "the module has no tasks and actors");
        let exports = self.exports.as_ref().ok_or_else(missing)?;
        let guest = self.store.data_mut();
        let bytes: usize = arguments.iter().map(|value| value.payload().data.len()).sum();
        guest.task().meter.bytes_in.add(bytes as u64);
        let table = &mut guest.table;
        let given =
            arguments.iter().map(|value| give_payload(table, value.payload())).collect::<wasmtime::Result<Vec<_>>>();
        let outcome = match given {
            Ok(given) => call(exports, &mut self.store, &given).await,
            Err(error) => Err(error),
        };
        self.read_meters();
        outcome.map_err(|error| failed(&self.store, self.fuel, &error))
    }

    fn result(&mut self, result: Result<wire::Payload, Failure>) -> Result<Payload, TaskError> {
        let guest = self.store.data_mut();
        let payload = take_payload(&mut guest.table, result.map_err(program_error)?)
            .map_err(|error| explain(&error, &TaskLimits::default(), None))?;
        guest.task().meter.bytes_out.add(payload.data.len() as u64);
        Ok(payload)
    }

    fn read_meters(&self) {
        read_fuel(&self.store, self.fuel);
    }
}

fn read_fuel(store: &Store<Guest>, budget: u64) {
    let left = store.get_fuel().unwrap_or(budget);
    store.data().task().meter.fuel_used.set(budget.saturating_sub(left));
}

/// What ended the guest, as an error of its task.
fn failed(store: &Store<Guest>, fuel: u64, error: &wasmtime::Error) -> TaskError {
    read_fuel(store, fuel);
    let task = store.data().task();
    match exit_code(error) {
        Some(code) => {
            TaskError::new(ErrorKind::WorkerCrashed, format!("it exited with code {code} instead of returning"))
        }
        None => explain(error, &task.spec.limits, task.meter.stderr_tail().as_deref()),
    }
}

/// The error that a function returned.
fn program_error(failure: Failure) -> TaskError {
    let kind = if failure.invalid_argument { ErrorKind::InvalidArgument } else { ErrorKind::TaskFailed };
    let error = TaskError::new(kind, failure.message);
    match failure.cause {
        Some(cause) => error.caused_by(&TaskError::from(cause)),
        None => error,
    }
}
