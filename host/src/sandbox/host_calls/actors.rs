//! `rustyray:core/actors`.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::super::bindings::rustyray::core::actors::Host;
use super::super::convert::call_options;
use super::super::guest::Guest;
use super::super::wire;
use super::{bad_options, function_name};
use crate::port::{ActorRequest, CallRequest};
use crate::state::actor::ActorRef;
use crate::state::object::ObjectRef;
use crate::state::object::payload::Argument;
use crate::state::task::Work;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::options::{ActorOptions, Address};

impl Host for Guest {
    async fn create(
        &mut self,
        actor_type: String,
        constructor: String,
        arguments: Vec<wire::Argument>,
        options: wire::ActorOptions,
    ) -> wasmtime::Result<Resource<ActorRef>> {
        self.count_call();
        let (type_name, constructor) = (function_name(actor_type)?, function_name(constructor)?);
        // An actor is created whatever is wrong: a failed argument makes its constructor fail, and that its calls.
        let mut arguments = self.arguments(arguments)?;
        let options = ActorOptions::try_from(options).map_err(bad_options).unwrap_or_else(|error| {
            arguments = vec![Argument::Object(self.failed_object(error))];
            ActorOptions::default()
        });
        let module = self.task().spec.with_module(Arc::clone);
        let request = ActorRequest { module, type_name, constructor, arguments, options };
        let begun = self.port.create_actor(request, Some(self.task()));
        let actor = self.with_room(begun).await;
        self.push(actor)
    }

    fn ready(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<Resource<ObjectRef>> {
        self.count_call();
        let ready = self.table.get(&actor)?.record().ready.clone();
        self.push(ready)
    }

    async fn call(
        &mut self,
        actor: Resource<ActorRef>,
        method: String,
        arguments: Vec<wire::Argument>,
        options: Option<wire::TaskOptions>,
    ) -> wasmtime::Result<Resource<ObjectRef>> {
        self.count_call();
        let actor = self.table.get(&actor)?.clone();
        let method = function_name(method)?;
        let arguments = self.arguments(arguments)?;
        let object = match call_options(options) {
            Err(text) => self.failed_object(bad_options(text)),
            Ok(options) => {
                let request = CallRequest { actor, method, arguments, options, reply: self.reply(), place: None };
                let begun = self.port.call_actor(request, Some(self.task()));
                self.with_room(begun).await
            }
        };
        self.push(object)
    }

    fn find(
        &mut self,
        name: String,
        namespace: Option<String>,
    ) -> wasmtime::Result<Result<Resource<ActorRef>, wire::TaskError>> {
        self.count_call();
        let namespace = namespace.map(function_name).transpose()?;
        let name = Address::new(&function_name(name)?, namespace.as_deref());
        match self.port.find_actor(&name, self.task()) {
            Ok(actor) => Ok(Ok(self.push(actor)?)),
            Err(error) => Ok(Err((&error).into())),
        }
    }

    fn actor_type(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<String> {
        self.count_call();
        let actor = self.table.get(&actor)?;
        let module = &actor.record().spec.module;
        Ok(match module.id == self.task().spec.module.id {
            true => actor.type_name().to_owned(),
            false => format!("{}:{}", module.name, actor.type_name()),
        })
    }

    fn clone_actor(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<Resource<ActorRef>> {
        self.count_call();
        let actor = self.table.get(&actor)?.clone();
        self.push(actor)
    }

    fn move_to_current(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<Resource<ObjectRef>> {
        self.count_call();
        let actor = self.table.get(&actor)?.clone();
        let done = match &self.task().spec.work {
            Work::Call { actor: own, .. } if Arc::ptr_eq(own, actor.record()) => {
                let text = "an actor moves between two calls, and cannot wait for that in one: have its caller move it";
                self.failed_object(TaskError::new(ErrorKind::InvalidArgument, text))
            }
            _ => self.port.move_actor(&actor),
        };
        self.push(done)
    }

    fn checkpoint(&mut self) -> wasmtime::Result<Result<(), wire::TaskError>> {
        self.count_call();
        if let Work::Call { actor, .. } = &self.task().spec.work
            && let Some(saved) = &actor.saved
        {
            saved.ask();
            return Ok(Ok(()));
        }
        let text =
            "only a method of an actor that declares checkpoints can ask for one: `#[rustyray::actor(checkpoint)]`";
        Ok(Err((&TaskError::new(ErrorKind::InvalidArgument, text)).into()))
    }

    fn exit(&mut self) -> wasmtime::Result<Result<(), wire::TaskError>> {
        self.count_call();
        if let Work::Call { actor, .. } = &self.task().spec.work {
            actor.mailbox.exit();
            return Ok(Ok(()));
        }
        let text = "only a method of an actor can end it";
        Ok(Err((&TaskError::new(ErrorKind::InvalidArgument, text)).into()))
    }

    fn generation(&mut self, actor: Resource<ActorRef>) -> wasmtime::Result<u32> {
        self.count_call();
        Ok(self.table.get(&actor)?.generation())
    }

    fn kill(&mut self, actor: Resource<ActorRef>, restart: bool, generation: Option<u32>) -> wasmtime::Result<bool> {
        self.count_call();
        Ok(self.table.get(&actor)?.record().kill(restart, generation))
    }
}
