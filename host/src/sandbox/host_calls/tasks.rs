//! `rustyray:core/tasks`.

use std::sync::Arc;

use wasmtime::component::{Access, HasSelf, Resource};

use super::super::bindings::rustyray::core::tasks::{Host, HostWithStore};
use super::super::convert::call_options;
use super::super::guest::Guest;
use super::super::wire;
use super::{bad_options, function_name};
use crate::port::TaskRequest;
use crate::state::object::ObjectRef;
use crate::state::task::{TaskRecord, Work};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::options::TaskOptions;

impl Host for Guest {
    async fn submit(
        &mut self,
        function: String,
        arguments: Vec<wire::Argument>,
        options: Option<wire::TaskOptions>,
    ) -> wasmtime::Result<Resource<ObjectRef>> {
        self.count_call();
        let function = function_name(function)?;
        let arguments = self.arguments(arguments)?;
        let options = call_options(options).map_err(bad_options);
        let object = match options.and_then(|options| self.share_fuel(&options).map(|()| options)) {
            Err(error) => self.failed_object(error),
            Ok(options) => {
                let (module, reply) = (self.task().spec.with_module(Arc::clone), self.reply());
                let request = TaskRequest { module, function, arguments, options, reply, place: None };
                let begun = self.port.submit(request, Some(self.task()));
                self.with_room(begun).await
            }
        };
        self.push(object)
    }
}

impl HostWithStore<Guest> for HasSelf<Guest> {
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

impl Guest {
    /// Takes a child's fuel out of its own.
    fn share_fuel(&mut self, options: &TaskOptions) -> Result<(), TaskError> {
        let metered = self.task().spec.plan.limits.fuel.is_some();
        let Some(share) = options.fuel_share.filter(|_| metered) else {
            return Ok(());
        };
        let left = self.refill.unwrap_or(self.tank);
        let rest =
            left.checked_sub(share).ok_or_else(|| TaskError::of_limit(ErrorKind::OutOfFuel, "fuel", left, share))?;
        self.refill = Some(rest);
        self.task().meter().hand_on(share);
        Ok(())
    }
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
