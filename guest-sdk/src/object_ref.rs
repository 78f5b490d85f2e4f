//! References to values that exist or will.

mod get;
mod identity;
mod raw;
mod read;

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) use get::Arrival;
pub use get::Get;
pub(crate) use raw::RawRef;

use crate::codec;
use crate::error::Result;
use crate::host::objects;

/// A reference to a `T` that exists already or that a task will produce.
///
/// `.await` gives the value. A reference can be awaited, got and cloned any number of times; it travels as an argument
/// (the task then gets the value) and inside values (there it stays a reference). The object lives as long as somebody
/// refers to it.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::remote]
/// fn add(a: i32, b: i32) -> i32 {
///     a + b
/// }
///
/// # async fn example() -> Result<()> {
/// let three: ObjectRef<i32> = add.remote(1, 2);
/// let ten = add.remote(&three, 7);
/// assert_eq!((three.await?, ten.await?), (3, 10));
/// # Ok(())
/// # }
/// ```
pub struct ObjectRef<T> {
    raw: RawRef,
    value: PhantomData<fn() -> T>,
}

impl<T> ObjectRef<T> {
    pub(crate) fn new(raw: RawRef) -> Self {
        Self { raw, value: PhantomData }
    }

    pub(crate) fn raw(&self) -> &RawRef {
        &self.raw
    }

    pub(crate) fn into_raw(self) -> RawRef {
        self.raw
    }

    /// The object's number, for logs. `None` when the call that should have made it failed on the way to the host.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # #[rustyray::remote] fn answer() -> u32 { 42 }
    /// # fn example() {
    /// println!("waiting for object {:?}", answer.remote().id());
    /// # }
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<u64> {
        match &self.raw {
            RawRef::Object(object) => Some(objects::object_id(object)),
            RawRef::Failed(_) => None,
        }
    }

    /// Is it an error by now?
    pub(crate) fn has_failed(&self) -> bool {
        match &self.raw {
            RawRef::Object(object) => objects::failure(object).is_some(),
            RawRef::Failed(_) => true,
        }
    }
}

impl<T: DeserializeOwned + 'static> ObjectRef<T> {
    /// The value, once it is there. The same as `.await` on the reference, for when it is needed again or in a given time.
    ///
    /// Its first poll gives a value that is there already, which is what a `select` or a `now_or_never` may be after. The
    /// future that `.await` makes of the reference itself asks the host when the guest has nothing else to do: one call.
    ///
    /// # Errors
    /// What the task failed with; [`Deadlock`](crate::ErrorKind::Deadlock) when it waits for this task in turn;
    /// [`GetTimeout`](crate::ErrorKind::GetTimeout) when [`Get::timeout`] was given and the
    /// value did not come.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # #[rustyray::remote] fn answer() -> u32 { 42 }
    /// # async fn example() -> Result<()> {
    /// let reference = answer.remote();
    /// let value = reference.get().timeout(Duration::from_secs(1)).await?;
    /// assert_eq!(value, reference.get().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get(&self) -> Get<T> {
        Get::new(self.raw.clone())
    }

    /// The value, once it is there. The guest is parked meanwhile, and its other futures with it: in async code, `.await`.
    ///
    /// # Errors
    /// What the task failed with.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// #[rustyray::remote]
    /// fn total(parts: Vec<ObjectRef<i32>>) -> Result<i32> {
    ///     parts.iter().map(|part| part.blocking_get()).sum()
    /// }
    /// ```
    pub fn blocking_get(&self) -> Result<T> {
        get::read(self.raw.payload(None)?)
    }

    /// The value, if it comes within `timeout`.
    ///
    /// # Errors
    /// What the task failed with; [`GetTimeout`](crate::ErrorKind::GetTimeout) when the value did not come.
    ///
    /// ```no_run
    /// # use rustyray::prelude::*;
    /// # #[rustyray::remote] fn answer() -> u32 { 42 }
    /// # fn example() -> Result<u32> {
    /// answer.remote().blocking_get_timeout(Duration::from_secs(1))
    /// # }
    /// ```
    pub fn blocking_get_timeout(&self, timeout: Duration) -> Result<T> {
        get::read(self.raw.payload(Some(timeout))?)
    }
}

impl<T> Clone for ObjectRef<T> {
    /// Another reference to the same object. Cheap: the host does not hear of it.
    fn clone(&self) -> Self {
        Self::new(self.raw.clone())
    }
}

impl<T> fmt::Debug for ObjectRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.raw {
            RawRef::Object(object) => write!(f, "ObjectRef({})", objects::object_id(object)),
            RawRef::Failed(error) => write!(f, "ObjectRef({})", error.message),
        }
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for ObjectRef<T> {
    type Output = Result<T>;
    type IntoFuture = Get<T>;

    fn into_future(self) -> Get<T> {
        Get::awaited(self.raw)
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for &ObjectRef<T> {
    type Output = Result<T>;
    type IntoFuture = Get<T>;

    fn into_future(self) -> Get<T> {
        Get::awaited(self.raw.clone())
    }
}

impl<T> Serialize for ObjectRef<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.raw {
            RawRef::Object(object) => codec::write_object(object, serializer),
            RawRef::Failed(error) => {
                Err(S::Error::custom(format_args!("a reference in it has failed already: {}", error.message)))
            }
        }
    }
}

impl<'de, T> Deserialize<'de> for ObjectRef<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        codec::take_object(deserializer).map(|object| Self::new(RawRef::Object(object)))
    }
}
