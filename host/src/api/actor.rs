//! Actors, from the embedder.

use std::sync::Arc;

use serde::Serialize;

use super::codec::own;
use super::stream::ObjectStream;
use super::task::{Arguments, failed};
use crate::port::waiting::value_of;
use crate::port::{ActorPort, ActorRequest, Begun, CallRequest, ObjectPort};
use crate::runtime::Runtime;
use crate::state::actor::ActorRef;
use crate::state::modules::ModuleSlot;
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Argument, Encoding, Payload};
use crate::state::object::stream::StreamRef;
use crate::state::queue::room::Place;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::options::{ActorOptions, TaskOptions};

/// A new actor that is being put together.
#[must_use = "an actor is created by `create`"]
pub struct ActorCall {
    runtime: Arc<Runtime>,
    module: Arc<ModuleSlot>,
    type_name: Arc<str>,
    constructor: Arc<str>,
    arguments: Arguments,
    options: ActorOptions,
}

impl ActorCall {
    pub(super) fn new(runtime: Arc<Runtime>, module: Arc<ModuleSlot>, type_name: Arc<str>) -> Self {
        let (arguments, options) = (Arguments::new(), ActorOptions::new());
        ActorCall { runtime, module, type_name, constructor: "new".into(), arguments, options }
    }

    /// Another constructor than `new`.
    pub fn constructor(mut self, name: &str) -> Self {
        self.constructor = name.into();
        self
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

    /// How it is to live. Default: as its declaration says.
    pub fn options(mut self, options: ActorOptions) -> Self {
        self.options = options;
        self
    }

    /// Creates it. The handle is there at once; what goes wrong is the error of its calls. In a full object store that spills this waits
    /// on this thread for room, for [a quarter of a second](crate::limits::ROOM_PATIENCE) at most.
    pub fn create(self) -> ActorHandle {
        let ActorCall { runtime, module, type_name, constructor, arguments, options } = self;
        // A failed argument makes the constructor fail, and that its calls.
        let arguments = arguments.take().unwrap_or_else(|error| vec![Argument::Object(failed(&runtime, error))]);
        let request = ActorRequest { module: module.current(), type_name, constructor, arguments, options };
        let actor = runtime.create_actor(request, None).here(runtime.store());
        ActorHandle::new(runtime, actor)
    }
}

/// A handle to an actor. A clone counts as one more; when the last is dropped, an actor that is not detached serves the
/// calls that wait, and ends.
#[derive(Clone)]
pub struct ActorHandle {
    runtime: Arc<Runtime>,
    actor: ActorRef,
}

impl ActorHandle {
    pub(super) fn new(runtime: Arc<Runtime>, actor: ActorRef) -> Self {
        ActorHandle { runtime, actor }
    }

    /// The handle as it travels in values.
    pub fn actor_ref(&self) -> &ActorRef {
        &self.actor
    }

    /// Ready, without a value, when the constructor has run; the error when it failed.
    pub fn ready(&self) -> ObjectRef {
        self.actor.record().ready.clone()
    }

    /// A call of a method, to be completed with arguments. That there is no such method is the error of its result.
    pub fn call(&self, method: &str) -> MethodCall {
        MethodCall {
            actor: self.clone(),
            method: method.into(),
            arguments: Arguments::new(),
            options: TaskOptions::new(),
            reply: Encoding::Bincode,
        }
    }

    /// How often the actor was started so far: 1 for the first time, 0 before. A handle is to the actor, not to one of its
    /// generations: calls reach whichever there is.
    pub fn generation(&self) -> u32 {
        self.actor.generation()
    }

    /// Ends the actor at once, with the call that it serves. Those that wait fail with `ActorDied`; with `restart` it
    /// starts again, if it may, and serves them. The call that ran then fails with `ActorUnavailable`, or is served again,
    /// if it may be. An actor that is starting is not started again.
    pub fn kill(&self, restart: bool) {
        self.actor.record().kill(restart, None);
    }

    /// The same, if the actor is still at this generation: one that was started again meanwhile, perhaps because another
    /// saw the same failure, is left alone. False if nothing was ended.
    pub fn kill_generation(&self, generation: u32, restart: bool) -> bool {
        self.actor.record().kill(restart, Some(generation))
    }
}

impl ActorHandle {
    /// Has the actor move to the version of its module that [is there now](crate::Module::replace). Between two calls its state is
    /// saved, and an instance of that version restored from it; the calls that wait are served there, in their order. It
    /// keeps its name, its handles, its capabilities and what it holds, its memory limit included. One that is there already
    /// stays as it is. Of each module one actor moves at a time, and [few](crate::limits::MOVES_AT_ONCE) of a host: until its turn an
    /// actor serves its calls where it is.
    ///
    /// # Errors
    /// `InvalidArgument` where its type declares no checkpoints, here or there: its state would be lost. `TaskNotFound` where the
    /// version has no such type or constructor. Else what saving or restoring failed with, which has [some
    /// seconds](crate::limits::MOVE_TIME). In each case the actor lives on as it was, unless it crashed while it was saved.
    pub async fn move_to_current(&self) -> TaskResult<()> {
        let moved = self.runtime.move_actor(&self.actor);
        match value_of(&*self.runtime, None, &moved, None).await {
            Ok(outcome) => outcome.map(drop),
            Err(_) => Err(Arc::new(TaskError::new(ErrorKind::Internal, "a wait without a timeout ended"))),
        }
    }
}

/// A call of a method that is being put together.
#[derive(Clone)]
#[must_use = "a call is made by `submit`"]
pub struct MethodCall {
    actor: ActorHandle,
    method: Arc<str>,
    arguments: Arguments,
    options: TaskOptions,
    reply: Encoding,
}

impl MethodCall {
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

    /// The limits of the call. Default: as the declarations say.
    pub fn options(mut self, options: TaskOptions) -> Self {
        self.options = options;
        self
    }

    /// How the result is to be encoded. Default: bincode.
    pub fn reply(mut self, encoding: Encoding) -> Self {
        self.reply = encoding;
        self
    }

    /// Makes the call, as soon as the host's queue has room. Where the object store has none, and spills, it waits for that as well, for
    /// [a quarter of a second](crate::limits::ROOM_PATIENCE) at most. Calls are served in the order in which this returned. A full
    /// mailbox is the error of the object.
    pub async fn submit(self) -> ObjectRef {
        let runtime = self.actor.runtime.clone();
        let place = runtime.room().await;
        self.submit_at(place).with_room(&*runtime, None).await
    }

    /// Makes the call now. A full queue is the error of the object. In a full object store that spills it waits on this thread for
    /// room, as long as [`submit`](Self::submit) does.
    pub fn try_submit(self) -> ObjectRef {
        let runtime = self.actor.runtime.clone();
        self.submit_at(None).here(runtime.store())
    }

    fn submit_at(self, place: Option<Place>) -> Begun<ObjectRef> {
        let MethodCall { actor: ActorHandle { runtime, actor }, method, arguments, options, reply } = self;
        match arguments.take() {
            Ok(arguments) => runtime.call_actor(CallRequest { actor, method, arguments, options, reply, place }, None),
            Err(error) => Begun::Done(failed(&runtime, error)),
        }
    }

    /// Calls a method that gives its results one after the other, as soon as the host's queue has room. What is wrong with the
    /// call is the error of the first item. The actor serves no other call before the last item.
    pub async fn stream(self) -> ObjectStream {
        let runtime = self.actor.runtime.clone();
        let place = runtime.room().await;
        let stream = self.stream_at(place).with_room(&*runtime, None).await;
        ObjectStream::new(runtime, stream)
    }

    fn stream_at(self, place: Option<Place>) -> Begun<StreamRef> {
        let MethodCall { actor: ActorHandle { runtime, actor }, method, arguments, options, reply } = self;
        match arguments.take() {
            Ok(arguments) => runtime.call_stream(CallRequest { actor, method, arguments, options, reply, place }, None),
            Err(error) => Begun::Done(StreamRef::failed(failed(&runtime, error), runtime.store())),
        }
    }
}
