//! Tasks by their names alone: those of other modules, of which this one has no stubs.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::{Call, Returned, Target};
use crate::object_ref::ObjectRef;
use crate::options::{TaskOptions, check_name, delegate_task_options};
use crate::remote::{IntoArg, Outgoing, call};
use crate::stream::ObjectStream;

/// A task by its name: `MODULE:FUNCTION` of another module of this host that is granted to this one, or a function of this
/// module.
///
/// Nothing is known of its types here: arguments and result have to be of those that the other module declares, to the width of
/// its integers. What is wrong with the call is the error of its result. `rustyray-host stubs` writes functions with types for all
/// that a module offers.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # async fn example(reference: ObjectRef<i32>) -> Result<()> {
/// let sum: i32 = rustyray::remote_fn("calc:add").arg(2).arg(3).remote().await?;
/// let more = rustyray::remote_fn("calc:add").arg_ref(&reference).arg(sum).timeout(Duration::from_secs(1));
/// println!("{}", more.remote::<i32>().await?);
/// # Ok(())
/// # }
/// ```
pub fn remote_fn(name: impl Into<String>) -> RemoteFn {
    RemoteFn { name: name.into(), arguments: Vec::new(), options: TaskOptions::new() }
}

/// A call of a task by its name that is being put together: see [`remote_fn`].
#[must_use = "nothing is submitted until `remote` or `stream` is called"]
pub struct RemoteFn {
    name: String,
    arguments: Vec<Outgoing>,
    options: TaskOptions,
}

impl RemoteFn {
    /// The next argument, by value. A reference goes with [`arg_ref`](Self::arg_ref), unless the function takes one.
    pub fn arg<T: Serialize + 'static>(mut self, value: T) -> Self {
        self.arguments.push(IntoArg::<T>::into_outgoing(value));
        self
    }

    /// The next argument: the value of an object, once it is there.
    pub fn arg_ref<T>(mut self, object: &ObjectRef<T>) -> Self {
        self.arguments.push(IntoArg::<T>::into_outgoing(object));
        self
    }

    /// Shown in logs, errors and receipts instead of the function's name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options = self.options.name(name);
        self
    }

    /// How often to run again after a system failure: a trap, a limit, a timeout.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.options = self.options.max_retries(retries);
        self
    }

    delegate_task_options!(options);

    /// Submits the task and gives the reference to its result at once.
    pub fn remote<T: DeserializeOwned + 'static>(self) -> ObjectRef<T> {
        self.submit()
    }

    /// Submits a task that gives its results one after the other.
    pub fn stream<T: DeserializeOwned + 'static>(self) -> ObjectStream<T> {
        self.submit()
    }

    fn submit<R: Returned>(mut self) -> R {
        let submitted = call(&self.name, &mut self.arguments, |arguments| {
            check_name(&self.name)?;
            let options = self.options.checked()?;
            Ok(R::of(Call(Ok(Target { actor: None, function: &self.name, arguments, options }))))
        });
        submitted.unwrap_or_else(|error| R::of(Call(Err(error))))
    }
}

impl fmt::Debug for RemoteFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFn").field("name", &self.name).field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use crate::mock;
    use crate::prelude::*;
    use crate::remote_fn;

    #[rustyray::remote]
    fn added(a: i32, b: i32) -> i32 {
        a + b
    }

    #[rustyray::remote]
    fn counted(to: u32) -> impl Iterator<Item = u32> {
        0..to
    }

    #[test]
    fn a_task_is_called_by_its_name() {
        let name = rustyray::__private::path_in_crate(concat!(module_path!(), "::added"));
        let three: ObjectRef<i32> = remote_fn(name).arg(1).arg(2).remote();
        let six = remote_fn(name).arg_ref(&three).arg(3).name("six").priority(2).remote::<i32>();
        assert_eq!(six.blocking_get().unwrap(), 6);
        let options = mock::last_options().unwrap();
        assert_eq!((options.name.as_deref(), options.priority), (Some("six"), Some(2)));
        let name = rustyray::__private::path_in_crate(concat!(module_path!(), "::counted"));
        let mut items = remote_fn(name).arg(1u32).stream::<u32>();
        assert_eq!(items.blocking_next().unwrap().unwrap(), 0);
        assert!(items.blocking_next().is_none());
    }

    #[test]
    fn a_name_that_would_end_the_guest_is_an_error() {
        let error = remote_fn("x".repeat(257)).remote::<()>().blocking_get().unwrap_err();
        assert!(error.to_string().contains("257 bytes"), "{error}");
        let error = remote_fn("a\nb").remote::<()>().blocking_get().unwrap_err();
        assert!(error.to_string().contains("control characters"), "{error}");
    }
}
