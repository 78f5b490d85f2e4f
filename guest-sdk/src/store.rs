//! Putting values into the object store and getting them out.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::error::{Error, Result};
use crate::host::types::{Encoding, ErrorKind};
use crate::host::{bytes, objects};
use crate::object_ref::{ObjectRef, RawRef};
use crate::task_error::local_error;

/// Stores a value, so that it can be an argument of many tasks without being sent again.
///
/// # Errors
/// [`ObjectStoreFull`](crate::ErrorKind::ObjectStoreFull) when it doesn't fit, and
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when it can't be serialised.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # async fn example() -> Result<()> {
/// let big = rustyray::put(vec![1u8; 1 << 20]).await?;
/// # Ok(())
/// # }
/// ```
// The host may come to hold back a writer until there is room.
pub async fn put<T: Serialize + 'static>(value: T) -> Result<ObjectRef<T>> {
    blocking_put(value)
}

/// [`put`] for plain functions.
///
/// # Errors
/// As those of [`put`].
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # fn example() -> Result<ObjectRef<String>> {
/// rustyray::blocking_put("a text".to_string())
/// # }
/// ```
pub fn blocking_put<T: Serialize + 'static>(value: T) -> Result<ObjectRef<T>> {
    let payload = codec::encode(value, Encoding::Bincode).map_err(|reason| {
        let message = format!("the value cannot be stored: {reason}");
        Error::from_host(local_error(ErrorKind::InvalidArgument, message))
    })?;
    let object = match payload.encoding {
        // Plain bytes need no payload around them, and are copied once: by the host.
        Encoding::Raw => bytes::put(&payload.data),
        Encoding::Bincode | Encoding::Json => objects::put(payload),
    };
    object.map(|object| ObjectRef::new(RawRef::new(object))).map_err(Error::from_host)
}

/// The value of a reference, once it is there.
///
/// # Errors
/// What the task failed with.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # async fn example(big: ObjectRef<Vec<u8>>) -> Result<()> {
/// println!("{} bytes", rustyray::get(&big).await?.len());
/// # Ok(())
/// # }
/// ```
pub async fn get<T: DeserializeOwned + 'static>(reference: &ObjectRef<T>) -> Result<T> {
    reference.get().await
}

/// The values of all references, in order.
///
/// # Errors
/// What the first of the failed ones, in order, failed with.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn add(a: i32, b: i32) -> i32 { a + b }
/// # async fn example() -> Result<()> {
/// let refs: Vec<_> = (0..8).map(|i| add.remote(i, i)).collect();
/// let sum: i32 = rustyray::get_all(&refs).await?.into_iter().sum();
/// # Ok(())
/// # }
/// ```
pub async fn get_all<T: DeserializeOwned + 'static>(references: &[ObjectRef<T>]) -> Result<Vec<T>> {
    let mut values = Vec::with_capacity(references.len());
    for reference in references {
        values.push(reference.get().await?);
    }
    Ok(values)
}

/// [`get_all`] for plain functions.
///
/// # Errors
/// As those of [`get_all`].
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::remote]
/// fn total(parts: Vec<ObjectRef<i32>>) -> Result<i32> {
///     Ok(rustyray::blocking_get_all(&parts)?.into_iter().sum())
/// }
/// ```
pub fn blocking_get_all<T: DeserializeOwned + 'static>(references: &[ObjectRef<T>]) -> Result<Vec<T>> {
    references.iter().map(ObjectRef::blocking_get).collect()
}

/// Ends the task that makes this object, and the tasks that it submitted, wherever they are. Nothing happens when it is
/// done already.
///
/// # Errors
/// None today: what can go wrong reaches whoever awaits the object.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn slow() {}
/// # fn example() -> Result<()> {
/// let task = slow.remote();
/// rustyray::cancel(&task)?;
/// # Ok(())
/// # }
/// ```
pub fn cancel<T>(reference: &ObjectRef<T>) -> Result<()> {
    cancel_with(reference, true, true)
}

/// [`cancel`] with a choice: without `force` the task is first asked to stop (its [context](crate::context) says so, and
/// what it waits for fails) and ended when the host's grace is over; without `recursive` the tasks that it submitted go on.
///
/// # Errors
/// None today, as for [`cancel`].
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn slow() {}
/// # fn example() -> Result<()> {
/// rustyray::cancel_with(&slow.remote(), false, true)?;
/// # Ok(())
/// # }
/// ```
// Ray's cancel can fail, and so may ours one day.
pub fn cancel_with<T>(reference: &ObjectRef<T>, force: bool, recursive: bool) -> Result<()> {
    if let RawRef::Object(object) = reference.raw() {
        objects::cancel(object, force, recursive);
    }
    Ok(())
}
