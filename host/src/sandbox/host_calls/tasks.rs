//! `rustyray:core/tasks`.

use std::sync::Arc;

use wasmtime::AsContextMut;
use wasmtime::component::{Access, HasSelf, Resource};

use super::super::bindings::rustyray::core::tasks::{Host, HostWithStore};
use super::super::convert::call_options;
use super::super::guest::Guest;
use super::super::tank;
use super::super::wire;
use super::{bad_options, function_name};
use crate::port::TaskRequest;
use crate::state::object::ObjectRef;
use crate::state::task::{TaskRecord, Work};
use crate::words::error::{ErrorKind, TaskError};
use crate::words::options::TaskOptions;

impl Host for Guest {}

impl HostWithStore<Guest> for HasSelf<Guest> {
    fn submit(
        mut access: Access<'_, Guest, Self>,
        function: String,
        arguments: Vec<wire::Argument>,
        options: Option<wire::TaskOptions>,
    ) -> wasmtime::Result<Resource<ObjectRef>> {
        let function = function_name(function)?;
        let guest = access.get();
        guest.count_call();
        let arguments = guest.arguments(arguments)?;
        let options = call_options(options).map_err(bad_options);
        let granted = options.and_then(|options| share_fuel(&mut access, &options).map(|()| options));
        let guest = access.get();
        let object = match granted {
            Err(error) => guest.failed_object(error),
            Ok(options) => {
                let task = guest.task();
                let module = task.spec.with_module(Arc::clone);
                let reply = guest.reply();
                guest.port.submit(TaskRequest { module, function, arguments, options, reply, place: None }, Some(task))
            }
        };
        access.get().push(object)
    }

    fn context(mut access: Access<'_, Guest, Self>) -> wasmtime::Result<wire::TaskContext> {
        let guest = access.get();
        guest.count_call();
        let task = guest.task();
        let spec = &task.spec;
        let time_left = task.deadline().map(|at| at.saturating_duration_since(guest.port.clock().now()));
        Ok(wire::TaskContext {
            task_id: spec.id.0,
            task: spec.plan.name.to_string(),
            module: spec.module.name.to_string(),
            function: spec.plan.function.to_string(),
            attempt: task.attempt(),
            actor: actor_info(task),
            time_left_ns: time_left.map(|left| left.as_nanos().min(u64::MAX.into()) as u64),
            fuel_left: task.is_metered().then_some(guest.tank),
            cancelled: task.cancel_requested(),
            grants: spec.capabilities.names(),
        })
    }
}

/// Takes a child's fuel out of the caller's own.
fn share_fuel(access: &mut Access<'_, Guest, HasSelf<Guest>>, options: &TaskOptions) -> Result<(), TaskError> {
    let metered = access.get().task().spec.plan.limits.fuel.is_some();
    let Some(share) = options.fuel_share.filter(|_| metered) else {
        return Ok(());
    };
    let left = access.get().tank;
    let rest = left.checked_sub(share).ok_or_else(|| TaskError::of_limit(ErrorKind::OutOfFuel, "fuel", left, share))?;
    tank::fill(access.as_context_mut(), rest);
    access.get().task().meter().hand_on(share);
    Ok(())
}

fn actor_info(task: &TaskRecord) -> Option<wire::ActorInfo> {
    let (Work::Construct { actor } | Work::Call { actor, .. }) = &task.spec.work else {
        return None;
    };
    Some(wire::ActorInfo {
        actor_id: actor.spec.id.0,
        actor_type: actor.spec.type_name.to_string(),
        name: actor.spec.options.name.as_deref().map(str::to_owned),
        generation: actor.generation(),
    })
}
