//! A call of a task, from the embedder.

use std::sync::Arc;

use serde::Serialize;

use super::codec::{self, own};
use super::stream::ObjectStream;
use crate::port::{Begun, ObjectPort, TaskPort, TaskRequest};
use crate::runtime::Runtime;
use crate::state::modules::ModuleSlot;
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Argument, Encoding, Payload};
use crate::state::object::stream::StreamRef;
use crate::state::queue::room::Place;
use crate::types::error::{TaskError, TaskResult};
use crate::types::options::TaskOptions;

/// Arguments as they are collected. The first that fails is the error of the call.
#[derive(Clone)]
pub(super) struct Arguments(TaskResult<Vec<Argument>>);

impl Arguments {
    pub fn new() -> Self {
        Arguments(Ok(Vec::new()))
    }

    pub fn push_value<T: Serialize + 'static>(&mut self, value: &T) {
        self.push(codec::encode(value).map(Argument::Value).map_err(Arc::new));
    }

    pub fn push(&mut self, argument: TaskResult<Argument>) {
        if let Ok(list) = &mut self.0 {
            match argument {
                Ok(argument) => list.push(argument),
                Err(error) => self.0 = Err(error),
            }
        }
    }

    pub fn take(self) -> TaskResult<Vec<Argument>> {
        self.0
    }
}

/// A call of a task that is being put together.
#[derive(Clone)]
#[must_use = "a task runs when it is submitted"]
pub struct TaskCall {
    runtime: Arc<Runtime>,
    module: Arc<ModuleSlot>,
    function: Arc<str>,
    arguments: Arguments,
    options: TaskOptions,
    reply: Encoding,
}

impl TaskCall {
    pub(super) fn new(runtime: Arc<Runtime>, module: Arc<ModuleSlot>, function: Arc<str>) -> Self {
        let (arguments, options) = (Arguments::new(), TaskOptions::new());
        TaskCall { runtime, module, function, arguments, options, reply: Encoding::Bincode }
    }

    /// The next argument, by value.
    pub fn arg<T: Serialize + 'static>(mut self, value: T) -> Self {
        self.arguments.push_value(&value);
        self
    }

    /// The next argument: the value of an object, once it is there.
    pub fn arg_ref(mut self, object: &ObjectRef) -> Self {
        self.arguments.push(Ok(Argument::Object(object.clone())));
        self
    }

    /// The next argument, encoded already. Bytes that somebody else holds as well are copied.
    pub fn arg_payload(mut self, payload: Payload) -> Self {
        self.arguments.push(Ok(Argument::Value(own(payload))));
        self
    }

    /// How it is to run. Default: as its declaration says.
    pub fn options(mut self, options: TaskOptions) -> Self {
        self.options = options;
        self
    }

    /// How the result is to be encoded. Default: bincode.
    pub fn reply(mut self, encoding: Encoding) -> Self {
        self.reply = encoding;
        self
    }

    /// Submits it, as soon as the queue has room. Where the object store has none, and spills, it waits for that as well, for
    /// [a quarter of a second](crate::limits::ROOM_PATIENCE) at most. What is wrong with it is the error of the object.
    pub async fn submit(self) -> ObjectRef {
        let runtime = self.runtime.clone();
        let place = runtime.room().await;
        self.submit_at(place).with_room(&*runtime, None).await
    }

    /// Submits it now. A full queue is the error of the object. In a full object store that spills it waits on this thread for room, as
    /// long as [`submit`](Self::submit) does.
    pub fn try_submit(self) -> ObjectRef {
        let runtime = self.runtime.clone();
        self.submit_at(None).here(runtime.store())
    }

    fn submit_at(self, place: Option<Place>) -> Begun<ObjectRef> {
        let TaskCall { runtime, module, function, arguments, options, reply } = self;
        let module = module.current();
        match arguments.take() {
            Ok(arguments) => runtime.submit(TaskRequest { module, function, arguments, options, reply, place }, None),
            Err(error) => Begun::Done(failed(&runtime, error)),
        }
    }

    /// Submits a task that gives its results one after the other, as soon as the queue has room. What is wrong with it is the
    /// error of the first item.
    pub async fn stream(self) -> ObjectStream {
        let runtime = self.runtime.clone();
        let place = runtime.room().await;
        let stream = self.stream_at(place).with_room(&*runtime, None).await;
        ObjectStream::new(runtime, stream)
    }

    fn stream_at(self, place: Option<Place>) -> Begun<StreamRef> {
        let TaskCall { runtime, module, function, arguments, options, reply } = self;
        let module = module.current();
        match arguments.take() {
            Ok(arguments) => {
                runtime.submit_stream(TaskRequest { module, function, arguments, options, reply, place }, None)
            }
            Err(error) => Begun::Done(StreamRef::failed(failed(&runtime, error), runtime.store())),
        }
    }
}

/// An object that is an error from the start.
pub(super) fn failed(runtime: &Runtime, error: Arc<TaskError>) -> ObjectRef {
    runtime.store().sealed(Err(error))
}
