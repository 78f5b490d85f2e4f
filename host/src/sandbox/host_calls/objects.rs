//! `rustyray:core/objects`.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;

use super::super::bindings::rustyray::core::objects::Host;
use super::super::convert::{push, take_payload};
use super::super::guest::Guest;
use super::super::trap::broken_contract;
use super::super::wire;
use crate::port::waiting::{Waited, gathered, value_of, wait_in};
use crate::state::object::{ObjectRef, Outcome};
use crate::state::parking::Awaited;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::limits::HANDLES_MAX;

impl Host for Guest {
    fn put(&mut self, value: wire::Payload) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>> {
        self.count_call();
        let payload = take_payload(&mut self.table, value)?;
        self.put_payload(payload)
    }

    fn clone_object(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<Resource<ObjectRef>> {
        self.count_call();
        let object = self.table.get(&object)?.clone();
        push(&mut self.table, object)
    }

    fn object_id(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<u64> {
        self.count_call();
        Ok(self.table.get(&object)?.id().0)
    }

    async fn get(
        &mut self,
        object: Resource<ObjectRef>,
        timeout_ns: Option<u64>,
    ) -> wasmtime::Result<Result<wire::Payload, wire::TaskError>> {
        self.count_call();
        let object = self.table.get(&object)?.clone();
        if let Some(outcome) = object.outcome() {
            return self.give_outcome(outcome);
        }
        match self.value_of(object.clone(), timeout_ns).await {
            Ok(outcome) => self.give_outcome(outcome),
            Err(Waited::CancelRequested) => Ok(Err(asked_to_stop())),
            Err(Waited::InVain(error)) => Ok(Err((&*error).into())),
            Err(_) => {
                let text = format!(
                    "object {} was not ready within {:?}",
                    object.id(),
                    Duration::from_nanos(timeout_ns.unwrap_or_default())
                );
                Ok(Err((&TaskError::new(ErrorKind::GetTimeout, text)).into()))
            }
        }
    }

    async fn try_get(
        &mut self,
        object: Resource<ObjectRef>,
    ) -> wasmtime::Result<Option<Result<wire::Payload, wire::TaskError>>> {
        self.count_call();
        let object = self.table.get(&object)?.clone();
        let outcome = match object.outcome() {
            None if object.is_away() => match self.comes(&object) {
                Some(outcome) => outcome,
                None => match self.value_from_disk(object).await {
                    Ok(outcome) => outcome,
                    Err(Waited::InVain(error)) => return Ok(Some(Err((&*error).into()))),
                    Err(_) => return Ok(Some(Err(asked_to_stop()))),
                },
            },
            outcome => outcome,
        };
        outcome.map(|outcome| self.give_outcome(outcome)).transpose()
    }

    fn failure(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<Option<wire::ErrorKind>> {
        self.count_call();
        let error = self.table.get(&object)?.error();
        Ok(error.map(|error| error.kind.into()))
    }

    async fn wait(
        &mut self,
        objects: Vec<Resource<ObjectRef>>,
        count: u32,
        timeout_ns: Option<u64>,
    ) -> wasmtime::Result<Result<Vec<u32>, wire::TaskError>> {
        self.count_call();
        if objects.len() > HANDLES_MAX {
            return Err(broken_contract(format!("a wait for {} objects: it can hold {HANDLES_MAX}", objects.len())));
        }
        let objects =
            objects.iter().map(|object| Ok(self.table.get(object)?.clone())).collect::<wasmtime::Result<Vec<_>>>()?;
        let objects = Awaited::Many(objects.into());
        match self.park(objects.clone(), count as usize, timeout_ns).await {
            Waited::CancelRequested => return Ok(Err(asked_to_stop())),
            Waited::InVain(error) => return Ok(Err((&*error).into())),
            Waited::Ready | Waited::TimedOut => {}
        }
        let ready = (0u32..).zip(&*objects).filter(|(_, object)| object.is_ready()).map(|(index, _)| index);
        Ok(Ok(ready.collect()))
    }

    fn cancel(&mut self, object: Resource<ObjectRef>, force: bool, recursive: bool) -> wasmtime::Result<()> {
        self.count_call();
        let object = self.table.get(&object)?.clone();
        self.port.cancel(&object, force, recursive);
        Ok(())
    }
}

impl Guest {
    /// What an object is sealed with, once it is; an error of its own when this task was asked to stop before.
    pub(super) fn outcome(&self, object: ObjectRef) -> impl Future<Output = Outcome> + Send + use<> {
        let waiting = self.value_of(object, None);
        async move {
            waiting.await.unwrap_or_else(|ended| match ended {
                Waited::InVain(error) => Err(error),
                _ => Err(Arc::new(stop_request())),
            })
        }
    }

    /// Parks this guest until the value is there.
    fn value_of(
        &self,
        object: ObjectRef,
        timeout_ns: Option<u64>,
    ) -> impl Future<Output = Result<Outcome, Waited>> + Send + use<> {
        let (port, task) = (self.port.clone(), self.task().clone());
        async move { value_of(&*port, Some(&task), &object, timeout_ns.map(Duration::from_nanos)).await }
    }

    /// Parks this guest until the value is read back; `None` if it is lost, and made again.
    fn value_from_disk(
        &self,
        object: ObjectRef,
    ) -> impl Future<Output = Result<Option<Outcome>, Waited>> + Send + use<> {
        let (port, task) = (self.port.clone(), self.task().clone());
        async move { gathered(&*port, Some(&task), &object, None).await }
    }

    /// Parks this guest. The future holds what it needs, and not the guest, which is not `Sync`.
    fn park(
        &self,
        objects: Awaited,
        count: usize,
        timeout_ns: Option<u64>,
    ) -> impl Future<Output = Waited> + Send + use<> {
        let (port, task) = (self.port.clone(), self.task().clone());
        async move { wait_in(&*port, &task, &objects, count, timeout_ns.map(Duration::from_nanos)).await }
    }
}

fn asked_to_stop() -> wire::TaskError {
    (&stop_request()).into()
}

fn stop_request() -> TaskError {
    TaskError::new(ErrorKind::TaskCancelled, "this task was asked to stop")
}
