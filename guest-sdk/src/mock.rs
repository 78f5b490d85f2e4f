//! A host in this thread's memory, for unit tests. Tasks run when they are submitted; objects can be told to come later,
//! on a clock that only waiting moves.

mod state;

pub(crate) use state::{Stored, failed, later, later_bytes, never, sealed, stop, take_calls};

use state::{Slot, with};

/// What the host was asked, in order, since the last time.
macro_rules! called {
    ($($call:tt)*) => { with(|host| host.calls.push(format!($($call)*))) };
}

pub(crate) mod types {
    pub(crate) use crate::bindings::rustyray::core::types::{
        ActorInfo, ActorOptions, Encoding, ErrorCause, ErrorKind, LimitReport, TaskContext, TaskError, TaskOptions,
    };

    #[derive(Debug)]
    pub struct ObjectRef(pub(super) u64);

    #[derive(Debug)]
    pub struct ActorRef(pub(super) String);

    #[derive(Debug)]
    pub struct StreamRef(pub(super) std::cell::RefCell<std::collections::VecDeque<ObjectRef>>);

    #[derive(Debug)]
    pub enum Reference {
        Object(ObjectRef),
        Actor(ActorRef),
    }

    #[derive(Debug)]
    pub struct Payload {
        pub(crate) encoding: Encoding,
        pub(crate) data: Vec<u8>,
        pub(crate) references: Vec<Reference>,
    }

    #[derive(Debug)]
    pub(crate) enum Argument<'a> {
        Value(Payload),
        Object(&'a ObjectRef),
    }
}

pub(crate) mod objects {
    use super::types::{ErrorKind, ObjectRef, Payload, TaskError};
    use super::{Slot, Stored, with};
    use crate::host::local_error;

    pub(crate) fn put(value: Payload) -> Result<ObjectRef, TaskError> {
        called!("put");
        Ok(with(|host| host.add(Slot::Sealed(Ok(Stored::from(&value))))))
    }

    pub(crate) fn clone_object(object: &ObjectRef) -> ObjectRef {
        called!("clone-object");
        ObjectRef(object.0)
    }

    pub(crate) fn object_id(object: &ObjectRef) -> u64 {
        object.0
    }

    pub(crate) fn get(object: &ObjectRef, timeout_ns: Option<u64>) -> Result<Payload, TaskError> {
        called!("get");
        arrived(object, timeout_ns)
    }

    pub(super) fn arrived(object: &ObjectRef, timeout_ns: Option<u64>) -> Result<Payload, TaskError> {
        with(|host| host.wait(&[object.0], 1, timeout_ns))?;
        let late = || Err(local_error(ErrorKind::GetTimeout, "no value in time".into()));
        with(|host| host.value(object.0)).unwrap_or_else(late)
    }

    pub(crate) fn try_get(object: &ObjectRef) -> Option<Result<Payload, TaskError>> {
        called!("try-get");
        with(|host| host.value(object.0))
    }

    pub(crate) fn failure(object: &ObjectRef) -> Option<ErrorKind> {
        called!("failure");
        with(|host| host.value(object.0)).and_then(Result::err).map(|error| error.kind)
    }

    pub(crate) fn wait(objects: &[&ObjectRef], count: u32, timeout_ns: Option<u64>) -> Result<Vec<u32>, TaskError> {
        called!("wait {} of {}", count, objects.len());
        let ids: Vec<u64> = objects.iter().map(|object| object.0).collect();
        with(|host| host.wait(&ids, count as usize, timeout_ns))
    }

    pub(crate) fn cancel(object: &ObjectRef, force: bool, recursive: bool) {
        called!("cancel {} {force} {recursive}", object.0);
    }
}

pub(crate) mod bytes {
    use super::types::{Encoding, ErrorKind, ObjectRef, TaskError};
    use super::{Slot, Stored, objects, with};
    use crate::host::local_error;

    pub(crate) fn put(data: &[u8]) -> Result<ObjectRef, TaskError> {
        called!("put-bytes");
        Ok(with(|host| host.add(Slot::Sealed(Ok(Stored::bytes(data))))))
    }

    #[derive(Debug)]
    pub struct Writer(std::cell::RefCell<Vec<u8>>);

    pub(crate) fn create(capacity: Option<u64>) -> Result<Writer, TaskError> {
        called!("create-writer {capacity:?}");
        Ok(Writer(Default::default()))
    }

    pub(crate) fn append(to: &Writer, data: &[u8]) -> Result<(), TaskError> {
        called!("append {}", data.len());
        to.0.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    pub(crate) fn seal(bytes: Writer) -> Result<ObjectRef, TaskError> {
        put(&bytes.0.into_inner())
    }

    pub(crate) fn read(object: &ObjectRef, offset: u64, length: u64) -> Result<Vec<u8>, TaskError> {
        called!("read {offset} {length}");
        let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        Ok(plain(object)?.into_iter().skip(place(offset)).take(place(length)).collect())
    }

    pub(crate) fn size(object: &ObjectRef) -> Result<u64, TaskError> {
        called!("size");
        Ok(plain(object)?.len() as u64)
    }

    fn plain(object: &ObjectRef) -> Result<Vec<u8>, TaskError> {
        let payload = objects::arrived(object, None)?;
        match payload.encoding {
            Encoding::Raw => Ok(payload.data),
            _ => Err(local_error(ErrorKind::InvalidArgument, "not plain bytes".into())),
        }
    }
}

pub(crate) mod tasks {
    use super::types::{Argument, ObjectRef, TaskContext, TaskOptions};
    use super::{state, with};

    pub(crate) fn submit(function: &str, arguments: &[Argument<'_>], options: Option<&TaskOptions>) -> ObjectRef {
        called!("submit {function}");
        with(|host| host.options = options.cloned());
        state::run(arguments, |payloads, reply| crate::registry::run_task(function, payloads, reply))
    }

    pub(crate) fn context() -> TaskContext {
        TaskContext {
            task_id: 7,
            task: "quick".into(),
            module: "m".into(),
            function: "add".into(),
            attempt: 1,
            actor: None,
            time_left_ns: Some(5_000_000),
            fuel_left: None,
            cancelled: false,
            grants: Vec::new(),
        }
    }
}

/// Streams whose items are all there when they are submitted.
pub(crate) mod streams {
    use super::types::{ActorRef, Argument, ErrorKind, ObjectRef, Payload, StreamRef, TaskError, TaskOptions};
    use super::{Slot, Stored, actors, tasks, with};
    use crate::host::local_error;

    pub(crate) fn submit(function: &str, arguments: &[Argument<'_>], options: Option<&TaskOptions>) -> StreamRef {
        items(|| tasks::submit(function, arguments, options))
    }

    pub(crate) fn call(
        actor: &ActorRef,
        method: &str,
        arguments: &[Argument<'_>],
        options: Option<&TaskOptions>,
    ) -> StreamRef {
        items(|| actors::call(actor, method, arguments, options))
    }

    fn items(run: impl FnOnce() -> ObjectRef) -> StreamRef {
        with(|host| host.given = Some(Vec::new()));
        let task = run();
        let mut items = with(|host| host.given.take()).unwrap_or_default();
        if let Some(Err(_)) = with(|host| host.value(task.0)) {
            items.push(task);
        }
        StreamRef(std::cell::RefCell::new(items.into()))
    }

    pub(crate) fn next(items: &StreamRef) -> ObjectRef {
        called!("next");
        let mut items = items.0.borrow_mut();
        if let [last] = items.make_contiguous()
            && with(|host| host.value(last.0)).is_some_and(|value| value.is_err())
        {
            return ObjectRef(last.0);
        }
        let ended = || Slot::Sealed(Err(local_error(ErrorKind::StreamEnded, "no further item".into())));
        items.pop_front().unwrap_or_else(|| with(|host| host.add(ended())))
    }

    pub(crate) fn give(item: Payload) -> Result<Option<ObjectRef>, TaskError> {
        called!("give");
        with(|host| {
            let item = host.add(Slot::Sealed(Ok(Stored::from(&item))));
            match &mut host.given {
                Some(given) => {
                    given.push(item);
                    Ok(None)
                }
                None => Err(local_error(ErrorKind::InvalidArgument, "no stream".into())),
            }
        })
    }
}

/// One actor: the instance is this thread.
pub(crate) mod actors {
    use super::types::{ActorOptions, ActorRef, Argument, ErrorKind, ObjectRef, TaskError, TaskOptions};
    use super::{Slot, Stored, state, with};
    use crate::host::local_error;

    pub(crate) fn create(
        actor_type: &str,
        constructor: &str,
        arguments: &[Argument<'_>],
        options: &ActorOptions,
    ) -> ActorRef {
        called!("create {actor_type} {constructor} {:?}", options.name);
        let made = state::run(arguments, |payloads, _| {
            let nothing = Stored::nothing();
            crate::registry::construct(actor_type, constructor, payloads).map(|()| nothing.payload())
        });
        with(|host| host.ready = Some(made.0));
        ActorRef(actor_type.into())
    }

    pub(crate) fn ready(_: &ActorRef) -> ObjectRef {
        with(|host| host.ready.map(ObjectRef).unwrap_or_else(|| host.add(Slot::Never)))
    }

    pub(crate) fn call(
        _: &ActorRef,
        method: &str,
        arguments: &[Argument<'_>],
        options: Option<&TaskOptions>,
    ) -> ObjectRef {
        called!("call {method}");
        with(|host| host.options = options.cloned());
        state::run(arguments, |payloads, reply| crate::registry::call(method, payloads, reply))
    }

    pub(crate) fn find(name: &str, namespace: Option<&str>) -> Result<ActorRef, TaskError> {
        called!("find {name} {namespace:?}");
        match name.strip_prefix("a-") {
            Some(actor_type) => Ok(ActorRef(actor_type.into())),
            None => Err(local_error(ErrorKind::ActorNotFound, format!("there is no actor {name:?}"))),
        }
    }

    pub(crate) fn actor_type(actor: &ActorRef) -> String {
        actor.0.clone()
    }

    pub(crate) fn clone_actor(actor: &ActorRef) -> ActorRef {
        ActorRef(actor.0.clone())
    }

    pub(crate) fn checkpoint() -> Result<(), TaskError> {
        called!("checkpoint");
        Ok(())
    }

    pub(crate) fn exit() -> Result<(), TaskError> {
        called!("exit");
        Ok(())
    }

    pub(crate) fn generation(actor: &ActorRef) -> u32 {
        called!("generation {}", actor.0);
        1
    }

    pub(crate) fn move_to_current(actor: &ActorRef) -> ObjectRef {
        called!("move {}", actor.0);
        with(|host| host.add(Slot::Sealed(Ok(Stored::nothing()))))
    }

    pub(crate) fn kill(actor: &ActorRef, restart: bool, generation: Option<u32>) -> bool {
        called!("kill {} {restart} {generation:?}", actor.0);
        generation.is_none_or(|generation| generation == 1)
    }
}

pub(crate) mod logging {
    use super::with;
    pub(crate) use crate::bindings::rustyray::core::logging::Level;

    pub(crate) fn log(level: Level, target: &str, message: &str) {
        called!("log {level:?} {target} {message}");
    }
}

/// A handle of an actor that nobody made.
pub(crate) fn actor(actor_type: &str) -> types::ActorRef {
    types::ActorRef(actor_type.into())
}

/// The options of the last call, if it said anything.
pub(crate) fn last_options() -> Option<types::TaskOptions> {
    with(|host| host.options.clone())
}
