//! `rustyray:core/objects`.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;

use super::super::bindings::rustyray::core::objects::Host;
use super::super::convert::take_payload;
use super::super::guest::Guest;
use super::super::wire;
use crate::port::waiting::{Waited, Wanted, come, value_of, wait_in};
use crate::state::object::{ObjectRef, Outcome};
use crate::words::error::{ErrorKind, TaskError};
use crate::words::limits::TRY_PATIENCE;

impl Host for Guest {
    fn put(&mut self, value: wire::Payload) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>> {
        self.count_call();
        let payload = take_payload(&mut self.table, value)?;
        self.put_payload(payload)
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

fn stop_request() -> TaskError {
    TaskError::new(ErrorKind::TaskCancelled, "this task was asked to stop")
}
