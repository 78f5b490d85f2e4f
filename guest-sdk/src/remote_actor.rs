//! Actors by the names of their types alone: those of other modules, of which this one has no stubs.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::actor::{Handle, RawHandle};
use crate::call::{Call, Returned};
use crate::host::types::ErrorKind;
use crate::object_ref::ObjectRef;
use crate::options::{ActorOptions, check_name};
use crate::registry::ActorDefaults;
use crate::remote::{IntoArg, Outgoing};
use crate::stream::ObjectStream;
use crate::task_error::local_error;

/// An actor of whatever type, also of another module: `get_actor::<AnyActor>` finds it by its name, and its handle calls methods
/// by theirs. Made by [`remote_actor`].
#[derive(Debug)]
pub struct AnyActor(());

// With all that other handles have: it travels, is awaited, killed and given options.
__actor_items! {
    pub AnyActor, AnyActorHandle, AnyActorOptions, "AnyActor", crate::actor::ANY_TYPE, ActorDefaults::NONE, "", None
}

/// A new actor of a type by its name: `MODULE:TYPE` of another module of this host that is granted to this one, or a type of this
/// module.
///
/// Nothing is known of its types here, as with [`remote_fn`](crate::remote_fn).
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # async fn example() -> Result<()> {
/// let counter = rustyray::remote_actor("calc:Counter").arg(5).options(|options| options.max_restarts(3)).remote().await?;
/// let count: i32 = counter.method("add").arg(1).remote().await?;
/// # Ok(())
/// # }
/// ```
pub fn remote_actor(type_name: impl Into<String>) -> RemoteActor {
    let options = AnyActorOptions(ActorOptions::new());
    RemoteActor { type_name: type_name.into(), constructor: "new".to_owned(), arguments: Vec::new(), options }
}

/// An actor that is being put together: see [`remote_actor`].
#[must_use = "nothing is created until `remote` is called"]
pub struct RemoteActor {
    type_name: String,
    constructor: String,
    arguments: Vec<Outgoing>,
    options: AnyActorOptions,
}

impl RemoteActor {
    /// Another constructor than `new`.
    pub fn constructor(mut self, name: impl Into<String>) -> Self {
        self.constructor = name.into();
        self
    }

    /// The next argument of the constructor, by value.
    pub fn arg<T: Serialize + 'static>(mut self, value: T) -> Self {
        self.arguments.push(IntoArg::<T>::into_outgoing(value));
        self
    }

    /// The next argument: the value of an object, once it is there.
    pub fn arg_ref<T>(mut self, object: &ObjectRef<T>) -> Self {
        self.arguments.push(IntoArg::<T>::into_outgoing(object));
        self
    }

    /// How it is to live, said on what was said before.
    pub fn options(mut self, say: impl FnOnce(AnyActorOptions) -> AnyActorOptions) -> Self {
        self.options = say(self.options);
        self
    }

    /// Creates the actor, and gives its handle at once.
    pub fn remote(mut self) -> AnyActorHandle {
        let (type_name, constructor) = (&self.type_name, &self.constructor);
        Handle::from_raw(RawHandle::create(type_name, constructor, &self.options.0, &mut self.arguments))
    }
}

impl fmt::Debug for RemoteActor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteActor").field("type_name", &self.type_name).finish_non_exhaustive()
    }
}

impl AnyActorHandle {
    /// A call of a method, to be completed with arguments.
    pub fn method(&self, name: impl Into<String>) -> RemoteMethod {
        RemoteMethod { actor: self.clone(), name: name.into(), arguments: Vec::new() }
    }
}

/// A call of a method by its name that is being put together. Options are those of the handle: see [`Handle::with_options`].
#[must_use = "nothing is called until `remote` or `stream` is"]
#[derive(Debug)]
pub struct RemoteMethod {
    actor: AnyActorHandle,
    name: String,
    arguments: Vec<Outgoing>,
}

impl RemoteMethod {
    /// The next argument, by value.
    pub fn arg<T: Serialize + 'static>(mut self, value: T) -> Self {
        self.arguments.push(IntoArg::<T>::into_outgoing(value));
        self
    }

    /// The next argument: the value of an object, once it is there.
    pub fn arg_ref<T>(mut self, object: &ObjectRef<T>) -> Self {
        self.arguments.push(IntoArg::<T>::into_outgoing(object));
        self
    }

    /// Makes the call and gives the reference to its result at once.
    pub fn remote<T: DeserializeOwned + 'static>(self) -> ObjectRef<T> {
        self.call()
    }

    /// Calls a method that gives its results one after the other.
    pub fn stream<T: DeserializeOwned + 'static>(self) -> ObjectStream<T> {
        self.call()
    }

    fn call<R: Returned>(mut self) -> R {
        match check_name(&self.name) {
            Ok(()) => self.actor.raw().call(&self.name, &mut self.arguments),
            Err(reason) => R::of(Call(Err(Arc::new(local_error(ErrorKind::InvalidArgument, reason))))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{AnyActor, block_on, get_actor, remote_actor};

    #[rustyray::actor(name = "Tally")]
    struct Tally {
        total: u32,
    }

    #[rustyray::actor_methods]
    impl Tally {
        fn starting_at(total: u32) -> Self {
            Tally { total }
        }

        fn add(&mut self, more: u32) -> u32 {
            self.total += more;
            self.total
        }
    }

    #[test]
    fn an_actor_is_made_and_called_by_names() {
        block_on(async {
            let tally = remote_actor("Tally")
                .constructor("starting_at")
                .options(|options| options.name("tally"))
                .arg(5u32)
                .remote()
                .await
                .unwrap();
            assert_eq!(tally.method("add").arg(2u32).remote::<u32>().await.unwrap(), 7);
            let found = get_actor::<AnyActor>("tally").await.unwrap();
            assert_eq!(found.method("add").arg(1u32).remote::<u32>().await.unwrap(), 8);
            let elsewhere = get_actor::<AnyActor>("calc:tally").await.unwrap_err();
            assert!(elsewhere.to_string().contains("'module:calc' is not granted"), "{elsewhere}");
        });
    }

    #[test]
    fn names_that_would_end_the_guest_are_errors() {
        let failed = |name: String, method: String| {
            let error = remote_actor(name).remote().method(method).remote::<()>().blocking_get().unwrap_err();
            error.to_string()
        };
        assert!(failed("x".repeat(257), "add".to_owned()).contains("257 bytes"));
        assert!(failed("Tally".to_owned(), "x".repeat(257)).contains("257 bytes"));
    }
}
