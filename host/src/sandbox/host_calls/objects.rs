//! `rustyray:core/objects`.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};

use super::super::bindings::rustyray::core::objects::Host;
use super::super::convert::take_payload;
use super::super::guest::Guest;
use super::super::wire;
use super::handed::{Made, handed};
use crate::port::Begun;
use crate::port::waiting::{Waited, Wanted, come, stop_request, value_of, wait_in};
use crate::state::object::{ObjectRef, Outcome};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::TRY_PATIENCE;

impl Host for Guest {
    async fn put(&mut self, value: wire::Payload) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>> {
        let begun = self.begin_put(value)?;
        self.end_put(begun).await
    }

    fn clone_object(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<Resource<ObjectRef>> {
        self.count_call();
        let object = self.table.get(&object)?.clone();
        self.push(object)
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
            self.coming.remove(&object);
            return self.give_outcome(outcome);
        }
        match self.value_in_time(object.clone(), timeout_ns.map(Duration::from_nanos)).await {
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
        let mut outcome = object.outcome();
        if outcome.is_some() {
            self.coming.remove(&object);
        } else if object.is_away() {
            // A guest that has nothing else on the way waits for a moment, which most reads take less than.
            let patient = self.serving.is_none() && !self.coming.is_awaited();
            outcome = self.ask_for(&object);
            if outcome.is_none() && patient {
                // Of the real clock, as the disk takes it.
                match tokio::time::timeout(TRY_PATIENCE, self.value_that_comes(&object, None)).await {
                    Ok(Ok(come)) => outcome = come,
                    Ok(Err(Waited::InVain(error))) => return Ok(Some(Err((&*error).into()))),
                    Ok(Err(Waited::CancelRequested)) => return Ok(Some(Err(asked_to_stop()))),
                    Ok(Err(Waited::Ready | Waited::TimedOut)) | Err(_) => {}
                }
            }
        }
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
        let objects = self.take_wait(objects)?;
        let waited = self.wait_for(&objects, count as usize, timeout_ns.map(Duration::from_nanos)).await;
        let come = waited.map(|()| self.come(&objects));
        self.end_wait(&objects);
        Ok(come)
    }

    fn cancel(&mut self, object: Resource<ObjectRef>, force: bool, recursive: bool) -> wasmtime::Result<()> {
        self.count_call();
        let object = self.table.get(&object)?.clone();
        self.port.cancel(&object, force, recursive);
        Ok(())
    }
}

/// Links `put` once more, as one that allocates nothing where it does not wait.
pub(in super::super) fn link_put(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut objects = linker.instance("rustyray:core/objects@0.1.0")?;
    objects.func_wrap_async("put", |store: StoreContextMut<'_, Guest>, (value,)| put(store, value))?;
    linker.allow_shadowing(false);
    Ok(())
}

fn put(mut store: StoreContextMut<'_, Guest>, value: wire::Payload) -> Made<'_, ObjectRef> {
    let put = match store.data_mut().begin_put(value) {
        Ok(Begun::Done(stored)) => store.data_mut().put_stored(stored),
        Ok(waits) => return Box::new(async move { Ok((store.data_mut().end_put(waits).await?,)) }),
        Err(error) => Err(error),
    };
    match put {
        Ok(Ok(object)) => handed(&object),
        refused => Box::new(ready(refused.map(|refused| (refused,)))),
    }
}

impl Guest {
    fn begin_put(&mut self, value: wire::Payload) -> wasmtime::Result<Begun<Outcome>> {
        self.count_call();
        let payload = take_payload(&mut self.table, value)?;
        self.task().meter().bytes_out.add(payload.data.len() as u64);
        Ok(self.store(payload))
    }

    async fn end_put(
        &mut self,
        begun: Begun<Outcome>,
    ) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>> {
        let stored = self.with_room(begun).await;
        self.put_stored(stored)
    }

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

    /// Parks this guest until so many of the objects are there, or the time is over.
    async fn wait_for(
        &mut self,
        objects: &Arc<[ObjectRef]>,
        count: usize,
        timeout: Option<Duration>,
    ) -> Result<(), wire::TaskError> {
        let until = timeout.and_then(|timeout| self.port.clock().now().checked_add(timeout));
        loop {
            let wanted = self.wanted(objects, count);
            let from_memory = wanted.coming.is_empty();
            let left = until.map(|until| until.saturating_duration_since(self.port.clock().now()));
            match self.park(wanted, left.or(timeout)).await {
                Waited::CancelRequested => return Err(asked_to_stop()),
                Waited::InVain(error) => return Err((&*error).into()),
                Waited::TimedOut => return Ok(()),
                Waited::Ready if from_memory || self.has_enough(objects, count) => return Ok(()),
                // One of several came from disk.
                Waited::Ready => {}
            }
        }
    }

    /// The same with a timeout, of an object that the guest may have asked for before.
    async fn value_in_time(&mut self, object: ObjectRef, timeout: Option<Duration>) -> Result<Outcome, Waited> {
        if self.coming.get(&object).is_none() {
            return self.value_of(object, timeout).await;
        }
        let clock = self.port.clock().clone();
        let since = clock.now();
        if let Some(outcome) = Box::pin(self.value_that_comes(&object, timeout)).await? {
            return Ok(outcome);
        }
        let left = timeout.map(|timeout| timeout.saturating_sub(clock.now() - since));
        self.value_of(object, left).await
    }

    /// Parks this guest until the value is there.
    fn value_of(
        &self,
        object: ObjectRef,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<Outcome, Waited>> + Send + use<> {
        let (port, task) = (self.port.clone(), self.task().clone());
        async move { value_of(&*port, Some(&task), &object, timeout).await }
    }

    /// Parks this guest until what it asked for has come; `None` if it did not ask, or has to again.
    async fn value_that_comes(
        &mut self,
        object: &ObjectRef,
        timeout: Option<Duration>,
    ) -> Result<Option<Outcome>, Waited> {
        let Some(gathering) = self.coming.get(object) else { return Ok(None) };
        let (port, task) = (self.port.clone(), self.task().clone());
        let outcome = come(&*port, Some(&task), &gathering, timeout).await?;
        self.coming.remove(object);
        Ok(outcome)
    }

    /// Parks this guest. The future holds what it needs, and not the guest, which is not `Sync`.
    fn park(&self, wanted: Wanted, timeout: Option<Duration>) -> impl Future<Output = Waited> + Send + use<> {
        let (port, task) = (self.port.clone(), self.task().clone());
        async move { wait_in(&*port, &task, &wanted, timeout).await }
    }
}

fn asked_to_stop() -> wire::TaskError {
    (&stop_request()).into()
}
