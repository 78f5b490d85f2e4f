//! `rustyray:core/streams`.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::super::bindings::rustyray::core::streams::Host;
use super::super::convert::{call_options, take_payload};
use super::super::guest::Guest;
use super::super::wire;
use super::{bad_options, function_name};
use crate::port::{Begun, CallRequest, TaskRequest};
use crate::state::actor::ActorRef;
use crate::state::object::ObjectRef;
use crate::state::object::stream::{Given, StreamRef};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::options::TaskOptions;

impl Host for Guest {
    async fn submit(
        &mut self,
        function: String,
        arguments: Vec<wire::Argument>,
        options: Option<wire::TaskOptions>,
    ) -> wasmtime::Result<Resource<StreamRef>> {
        self.count_call();
        let function = function_name(function)?;
        let arguments = self.arguments(arguments)?;
        let stream = match stream_options(options) {
            Err(error) => self.failed_stream(error),
            Ok(options) => {
                let (module, reply) = (self.task().spec.with_module(Arc::clone), self.reply());
                let request = TaskRequest { module, function, arguments, options, reply, place: None };
                let begun = self.port.submit_stream(request, Some(self.task()));
                self.with_room(begun).await
            }
        };
        self.push(stream)
    }

    async fn call(
        &mut self,
        actor: Resource<ActorRef>,
        method: String,
        arguments: Vec<wire::Argument>,
        options: Option<wire::TaskOptions>,
    ) -> wasmtime::Result<Resource<StreamRef>> {
        self.count_call();
        let actor = self.table.get(&actor)?.clone();
        let method = function_name(method)?;
        let arguments = self.arguments(arguments)?;
        let stream = match stream_options(options) {
            Err(error) => self.failed_stream(error),
            Ok(options) => {
                let request = CallRequest { actor, method, arguments, options, reply: self.reply(), place: None };
                let begun = self.port.call_stream(request, Some(self.task()));
                self.with_room(begun).await
            }
        };
        self.push(stream)
    }

    async fn next(&mut self, items: Resource<StreamRef>) -> wasmtime::Result<Resource<ObjectRef>> {
        self.count_call();
        let begun = Begun::next_item(self.table.get(&items)?, self.port.store());
        let item = self.with_room(begun).await;
        self.push(item)
    }

    async fn give(
        &mut self,
        item: wire::Payload,
    ) -> wasmtime::Result<Result<Option<Resource<ObjectRef>>, wire::TaskError>> {
        self.count_call();
        let payload = take_payload(&mut self.table, item)?;
        let task = self.task().clone();
        let Some(stream) = task.spec.work.stream() else {
            let text = "what runs here gives one result, and no stream";
            return Ok(Err((&TaskError::new(ErrorKind::InvalidArgument, text)).into()));
        };
        task.meter().bytes_out.add(payload.data.len() as u64);
        let begun = self.store(payload);
        let item = match self.with_room(begun).await {
            Ok(value) => value,
            Err(error) => return Ok(Err((&*error).into())),
        };
        match stream.give(task.attempt(), Ok(item)) {
            Given::GoOn => Ok(Ok(None)),
            Given::Room(room) => Ok(Ok(Some(self.push(room)?))),
            Given::NobodyListens => {
                let error = TaskError::new(ErrorKind::TaskCancelled, "nobody wants another item of this stream");
                Ok(Err((&error).into()))
            }
        }
    }
}

/// Options that a stream can have: fuel out of its caller's own is for tasks with one result.
fn stream_options(options: Option<wire::TaskOptions>) -> Result<TaskOptions, TaskError> {
    let options = call_options(options).map_err(bad_options)?;
    match options.fuel_share {
        None => Ok(options),
        Some(_) => Err(bad_options("a stream takes no share of its caller's fuel: give it `fuel`".to_owned())),
    }
}
