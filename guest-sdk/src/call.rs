//! A call of a task or a method, and what it gives: a reference to its result, or to several.

use std::sync::Arc;

use crate::host::types::{ActorRef, Argument, StreamRef, TaskError, TaskOptions};
use crate::host::{actors, streams, tasks};
use crate::object_ref::{ObjectRef, RawRef};
use crate::stream::ObjectStream;

/// What `remote` gives: an [`ObjectRef`], an [`ObjectStream`], or a tuple of references.
pub trait Returned: Sized {
    #[doc(hidden)]
    fn of(call: Call<'_>) -> Self;
}

/// A call that is to be made.
#[doc(hidden)]
pub struct Call<'a>(pub(crate) Result<Target<'a>, Arc<TaskError>>);

/// Whom it is for, with what.
pub(crate) struct Target<'a> {
    /// A method's; a task has none.
    pub actor: Option<&'a ActorRef>,
    pub function: &'a str,
    pub arguments: &'a [Argument<'a>],
    pub options: Option<&'a TaskOptions>,
}

impl Call<'_> {
    fn result(self) -> RawRef {
        let Target { actor, function, arguments, options } = match self.0 {
            Ok(target) => target,
            Err(error) => return RawRef::Failed(error),
        };
        RawRef::new(match actor {
            None => tasks::submit(function, arguments, options),
            Some(actor) => actors::call(actor, function, arguments, options),
        })
    }

    fn stream(self) -> Result<StreamRef, Arc<TaskError>> {
        let Target { actor, function, arguments, options } = self.0?;
        Ok(match actor {
            None => streams::submit(function, arguments, options),
            Some(actor) => streams::call(actor, function, arguments, options),
        })
    }
}

impl<T> Returned for ObjectRef<T> {
    fn of(call: Call<'_>) -> Self {
        ObjectRef::new(call.result())
    }
}

impl<T> Returned for ObjectStream<T> {
    fn of(call: Call<'_>) -> Self {
        ObjectStream::new(call.stream())
    }
}

macro_rules! tuple {
    ($($Part:ident)*) => {
        impl<$($Part),*> Returned for ($(ObjectRef<$Part>,)*) {
            fn of(call: Call<'_>) -> Self {
                // Asked for at once: then it does not matter that the stream is dropped here.
                match call.stream() {
                    Ok(items) => ($(ObjectRef::<$Part>::new(RawRef::new(streams::next(&items))),)*),
                    Err(error) => ($(ObjectRef::<$Part>::new(RawRef::Failed(error.clone())),)*),
                }
            }
        }
    };
}

tuple!(A B);
tuple!(A B C);
tuple!(A B C D);
tuple!(A B C D E);
tuple!(A B C D E F);
tuple!(A B C D E F G);
tuple!(A B C D E F G H);
