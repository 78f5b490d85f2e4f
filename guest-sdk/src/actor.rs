//! Handles to actors. The typed parts (`CounterHandle`, `CounterOptions`) are made by `#[rustyray::actor]` around these.

#[macro_use]
mod items;
mod raw;
mod ready;

use std::borrow::Cow;

pub use raw::RawHandle;
pub use ready::Ready;

use crate::error::{Error, Result};
use crate::host::actors;
use crate::host::types;
use crate::host::types::ErrorKind;
use crate::module_name::module_of;
use crate::object_ref::ObjectRef;
use crate::options::{ActorOptions, TaskOptions, check_name};
use crate::registry::{ActorDefaults, Checkpoints, declares_actor};
use crate::remote::Outgoing;
use crate::task_error::local_error;

/// The type of whoever does not care.
pub(crate) const ANY_TYPE: &str = "";

/// A type whose values can live as actors. Implemented by `#[rustyray::actor]`.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::actor]
/// struct Counter {
///     value: i32,
/// }
///
/// #[rustyray::actor_methods]
/// impl Counter {
///     fn new() -> Self {
///         Counter { value: 0 }
///     }
///
///     fn increment(&mut self) -> i32 {
///         self.value += 1;
///         self.value
///     }
/// }
///
/// async fn handle_of<A: rustyray::Actor>(name: &str) -> Result<A::Handle> {
///     rustyray::get_actor::<A>(name).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an actor",
    label = "put `#[rustyray::actor]` on the definition of `{Self}`"
)]
pub trait Actor: Sized + 'static {
    /// What holds on to an actor of this type, such as `CounterHandle`.
    type Handle: Handle<Actor = Self>;

    #[doc(hidden)]
    const TYPE_NAME: &'static str;

    #[doc(hidden)]
    const DEFAULTS: ActorDefaults;

    #[doc(hidden)]
    const DOCS: &'static str;

    #[doc(hidden)]
    const CHECKPOINTS: Option<Checkpoints>;
}

/// What every actor's handle can do besides its own methods. A trait, so that the actor's own methods win.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::actor] struct Counter { value: i32 }
/// # #[rustyray::actor_methods] impl Counter {
/// #     fn new() -> Self { Counter { value: 0 } }
/// #     fn increment(&mut self) -> i32 { self.value += 1; self.value }
/// # }
/// # async fn example() -> Result<()> {
/// let counter = Counter::remote().await?;
/// let patient = counter.with_options(TaskOptions::new().timeout(Duration::from_secs(60)));
/// patient.increment().await?;
/// counter.kill();
/// # Ok(())
/// # }
/// ```
pub trait Handle: Clone + Sized {
    /// What the handle is for.
    type Actor: Actor<Handle = Self>;

    #[doc(hidden)]
    fn from_raw(raw: RawHandle) -> Self;

    #[doc(hidden)]
    fn raw(&self) -> &RawHandle;

    /// Waits until the constructor has run. The same as `.await` on the handle.
    fn ready(&self) -> Ready<Self> {
        Ready::new(self.clone(), self.raw().clone())
    }

    /// A handle to the same actor whose calls are made with these options.
    #[must_use]
    fn with_options(&self, options: TaskOptions) -> Self {
        Self::from_raw(self.raw().with_options(options))
    }

    /// Ends the actor at once, whatever it is doing, and does not restart it.
    fn kill(&self) {
        self.raw().kill(false, None);
    }

    /// Ends what the actor is doing at once and lets it start again, if it may. One that is starting is left to it.
    fn restart(&self) {
        self.raw().kill(true, None);
    }

    /// Has the actor move to the version of its module that is there now, with its state, before its next call; those that wait are
    /// served there. What is given is ready when it has, and has the error why it did not: then the actor lives on as it was.
    /// That of a type without checkpoints does not move.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # #[rustyray::actor(checkpoint)] #[derive(Serialize, Deserialize)] #[serde(crate = "rustyray::serde")] struct Ledger;
    /// # #[rustyray::actor_methods] impl Ledger { fn new() -> Self { Ledger } }
    /// # async fn example(ledger: LedgerHandle) -> Result<()> {
    /// ledger.move_to_current().await
    /// # }
    /// ```
    fn move_to_current(&self) -> ObjectRef<()> {
        ObjectRef::new(self.raw().move_to_current())
    }

    /// How often the actor was started so far: 1 for the first time, 0 before. A handle is to the actor, not to one of its
    /// generations: calls reach whichever there is.
    fn generation(&self) -> u32 {
        self.raw().generation()
    }

    /// [`kill`](Self::kill), if the actor is still at this generation: one that was started again meanwhile is left alone.
    /// False if nothing was ended.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # #[rustyray::actor(max_restarts = 3)] struct Counter;
    /// # #[rustyray::actor_methods] impl Counter { fn new() -> Self { Counter } fn count(&self) -> Result<u32> { Ok(1) } }
    /// # async fn example(counter: CounterHandle) {
    /// let generation = counter.generation();
    /// if counter.count().await.is_err() {
    ///     // However many see the same failure, it starts again once.
    ///     counter.restart_generation(generation);
    /// }
    /// # }
    /// ```
    fn kill_generation(&self, generation: u32) -> bool {
        self.raw().kill(false, Some(generation))
    }

    /// [`restart`](Self::restart), if the actor is still at this generation.
    fn restart_generation(&self, generation: u32) -> bool {
        self.raw().kill(true, Some(generation))
    }
}

/// Creates an actor. Never blocks; what goes wrong reaches whoever calls it or waits for it. For the code that the macros write.
#[must_use]
pub fn create_actor<A: Actor>(constructor: &str, options: &ActorOptions, outgoing: &mut [Outgoing]) -> RawHandle {
    RawHandle::create(A::TYPE_NAME, constructor, options, outgoing)
}

/// Finds an actor by its name. Each module has names of its own: a type of this module is looked for among those of this module, and
/// a stub's type among those of the module that the stub is of.
///
/// [`AnyActor`](crate::AnyActor) is looked for in this module first, then in the modules that are granted, in the order of their
/// names. `MODULE:NAME` finds it in that one alone: another granted module can have an actor of the same name.
///
/// # Errors
/// [`ActorNotFound`](crate::ErrorKind::ActorNotFound) when nobody has the name there, or the module is not granted, and
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when an actor of another type has it.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::actor] struct Counter { value: i32 }
/// # #[rustyray::actor_methods] impl Counter {
/// #     fn new() -> Self { Counter { value: 0 } }
/// #     fn get(&self) -> i32 { self.value }
/// # }
/// # async fn example() -> Result<()> {
/// let counter = rustyray::get_actor::<Counter>("global").await?;
/// println!("{}", counter.get().await?);
/// # Ok(())
/// # }
/// ```
// Finding one may take time once actors live on several hosts.
pub async fn get_actor<A: Actor>(name: &str) -> Result<A::Handle> {
    find::<A>(name, None)
}

/// Finds an actor by its name in a namespace: see [`ActorOptions::namespace`](crate::ActorOptions::namespace).
///
/// # Errors
/// As those of [`get_actor`].
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::actor] struct Counter;
/// # #[rustyray::actor_methods] impl Counter { fn new() -> Self { Counter } }
/// # async fn example() -> Result<()> {
/// let mine = Counter::options().name("global").namespace("mine").remote();
/// let same = rustyray::get_actor_in::<Counter>("mine", "global").await?;
/// # Ok(())
/// # }
/// ```
pub async fn get_actor_in<A: Actor>(namespace: &str, name: &str) -> Result<A::Handle> {
    find::<A>(name, Some(namespace))
}

fn find<A: Actor>(name: &str, namespace: Option<&str>) -> Result<A::Handle> {
    let failed = |kind, message| Error::from_host(local_error(kind, message));
    let is_own = declares_actor(A::TYPE_NAME);
    let qualified = match module_of(A::TYPE_NAME).filter(|_| !is_own) {
        Some(module) => Cow::Owned(format!("{module}:{name}")),
        None => Cow::Borrowed(name),
    };
    let mut names = namespace.into_iter().chain([&*qualified]);
    names.try_for_each(check_name).map_err(|text| failed(ErrorKind::InvalidArgument, text))?;
    let found: types::ActorRef = actors::find(&qualified, namespace).map_err(Error::from_host)?;
    let actor_type = actors::actor_type(&found);
    if actor_type == A::TYPE_NAME || A::TYPE_NAME == ANY_TYPE {
        return Ok(A::Handle::from_raw(RawHandle::new(found)));
    }
    if is_own && !declares_actor(&actor_type) {
        // Of another module, whose names are none of this one's.
        return Err(failed(ErrorKind::ActorNotFound, format!("no actor of this module is named {name:?}")));
    }
    let text = format!("the actor {name:?} is a `{actor_type}`, not a `{}`", A::TYPE_NAME);
    Err(failed(ErrorKind::InvalidArgument, text))
}

/// Has the actor that runs here save its state when this call ends, before its caller sees the result.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) outside of a method of an actor that declares `checkpoint` or
/// `checkpoint_every`.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::actor(checkpoint)]
/// #[derive(Serialize, Deserialize)]
/// # #[serde(crate = "rustyray::serde")]
/// struct Ledger {
///     entries: Vec<String>,
/// }
///
/// #[rustyray::actor_methods]
/// impl Ledger {
///     # fn new() -> Self { Ledger { entries: Vec::new() } }
///     fn enter(&mut self, entry: String) -> Result<()> {
///         self.entries.push(entry);
///         rustyray::checkpoint()
///     }
/// }
/// ```
pub fn checkpoint() -> Result<()> {
    actors::checkpoint().map_err(Error::from_host)
}

/// Ends the actor that runs here when this call ends: its caller gets the result, the state is saved where that is declared, and
/// the calls that wait fail with [`ActorDied`](crate::ErrorKind::ActorDied). It does not start again.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) outside of an actor's method.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::actor]
/// struct Guard {
///     rounds: u32,
/// }
///
/// #[rustyray::actor_methods]
/// impl Guard {
///     # fn new() -> Self { Guard { rounds: 0 } }
///     fn round(&mut self) -> Result<u32> {
///         self.rounds += 1;
///         if self.rounds == 3 {
///             rustyray::exit_actor()?;
///         }
///         Ok(self.rounds)
///     }
/// }
/// ```
pub fn exit_actor() -> Result<()> {
    actors::exit().map_err(Error::from_host)
}

/// Ends an actor at once, whatever it is doing, and does not restart it. Its calls fail with
/// [`ActorDied`](crate::ErrorKind::ActorDied).
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::actor] struct Counter;
/// # #[rustyray::actor_methods] impl Counter { fn new() -> Self { Counter } }
/// # fn example() {
/// rustyray::kill(&Counter::remote());
/// # }
/// ```
pub fn kill<H: Handle>(actor: &H) {
    Handle::kill(actor);
}
