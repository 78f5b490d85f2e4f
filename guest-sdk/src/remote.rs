//! Submitting tasks.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;

use crate::call::{Call, Returned, Target};
use crate::codec;
use crate::host::types::{Argument, Encoding, ErrorCause, ErrorKind, Payload, TaskError};
use crate::object_ref::{ObjectRef, RawRef};
use crate::options::{TaskOptions, delegate_task_options};
use crate::task_error::local_error;

/// What may stand where a remote function takes a `T`: a `T`, or a reference to one.
///
/// The task starts when the object is there, and gets its value. Nobody waits here. As either may come, `x.into()` can't
/// tell what to become: say `String::from("x")`.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::remote]
/// fn add(a: i32, b: i32) -> i32 {
///     a + b
/// }
///
/// # fn example() {
/// let three = add.remote(1, 2);
/// let six = add.remote(&three, 3);
/// let nine = add.remote(three, six);
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be passed as `{T}` to a remote function",
    label = "expected `{T}` or `ObjectRef<{T}>`",
    note = "a value that is passed must be `Serialize + 'static`"
)]
pub trait IntoArg<T> {
    #[doc(hidden)]
    fn into_outgoing(self) -> Outgoing;
}

impl<T: Serialize + 'static> IntoArg<T> for T {
    fn into_outgoing(self) -> Outgoing {
        Outgoing(match codec::encode(self, Encoding::Bincode) {
            Ok(payload) => Sending::Value(payload),
            Err(reason) => Sending::Unwritable(reason),
        })
    }
}

impl<T> IntoArg<T> for ObjectRef<T> {
    fn into_outgoing(self) -> Outgoing {
        Outgoing(Sending::Object(self.into_raw()))
    }
}

impl<T> IntoArg<T> for &ObjectRef<T> {
    fn into_outgoing(self) -> Outgoing {
        Outgoing(Sending::Object(self.raw().clone()))
    }
}

/// An argument on its way out.
#[doc(hidden)]
#[derive(Debug)]
pub struct Outgoing(Sending);

#[derive(Debug)]
enum Sending {
    Value(Payload),
    Object(RawRef),
    Unwritable(String),
}

impl Outgoing {
    /// As the host takes it, or why the call can't be made. A value is moved out.
    fn argument(&mut self, index: usize) -> Result<Argument<'_>, Arc<TaskError>> {
        match &mut self.0 {
            Sending::Value(payload) => Ok(Argument::Value(take(payload))),
            Sending::Object(RawRef::Object(object)) => Ok(Argument::Object(object)),
            Sending::Object(RawRef::Failed(error)) => Err(Arc::new(dependency_failed(index, error))),
            Sending::Unwritable(reason) => Err(Arc::new(unwritable(index, reason))),
        }
    }
}

fn take(payload: &mut Payload) -> Payload {
    let empty = Payload { encoding: Encoding::Raw, data: Vec::new(), references: Vec::new() };
    std::mem::replace(payload, empty)
}

fn unwritable(index: usize, reason: &str) -> TaskError {
    let message = format!("argument {} cannot be sent: {reason}", index + 1);
    local_error(ErrorKind::InvalidArgument, message)
}

fn dependency_failed(index: usize, error: &TaskError) -> TaskError {
    let message = format!("argument {} failed: {}", index + 1, error.message);
    let cause = ErrorCause { kind: error.kind, task: error.task.clone(), message: error.message.clone() };
    let causes = std::iter::once(cause).chain(error.causes.iter().cloned()).collect();
    TaskError { causes, ..local_error(ErrorKind::DependencyFailed, message) }
}

/// Makes a call with the arguments, or gives why it can't be made. `what` names the call in the error.
pub(crate) fn call<T>(
    what: &str,
    outgoing: &mut [Outgoing],
    make: impl FnOnce(&[Argument<'_>]) -> Result<T, String>,
) -> Result<T, Arc<TaskError>> {
    let arguments = outgoing.iter_mut().enumerate().map(|(index, argument)| argument.argument(index));
    arguments
        .collect::<Result<Vec<_>, _>>()
        .and_then(|all| make(&all).map_err(|reason| Arc::new(local_error(ErrorKind::InvalidArgument, reason))))
        .map_err(|error| named(error, what))
}

fn named(mut error: Arc<TaskError>, what: &str) -> Arc<TaskError> {
    let named = Arc::make_mut(&mut error);
    what.clone_into(&mut named.task);
    what.clone_into(&mut named.function);
    error
}

/// A call of a remote function that is being put together: `add.options()`, then what is to be different, then `remote`, which
/// makes an `R`.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn add(a: i32, b: i32) -> i32 { a + b }
/// # fn example() {
/// let quick = add.options().timeout(Duration::from_millis(500)).max_retries(0).name("quick").remote(1, 1);
/// # }
/// ```
#[must_use = "nothing is submitted until `remote` is called"]
pub struct Submission<Args, R> {
    function: &'static str,
    options: TaskOptions,
    types: PhantomData<fn(Args) -> R>,
}

impl<Args, R> Submission<Args, R> {
    #[doc(hidden)]
    pub fn new(function: &'static str) -> Self {
        Self { function, options: TaskOptions::new(), types: PhantomData }
    }

    /// Shown in logs, errors and receipts instead of the function's name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options = self.options.name(name);
        self
    }

    /// How often to run again after a system failure: a trap, a limit, a timeout. An error that the function returns is
    /// none, unless [`retry_exceptions`](Self::retry_exceptions) says so. What was cancelled is never run again.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.options = self.options.max_retries(retries);
        self
    }

    delegate_task_options!(options);
}

impl<Args, R: Returned> Submission<Args, R> {
    fn submit(self, outgoing: &mut [Outgoing]) -> R {
        let submitted = call(self.function, outgoing, |arguments| {
            let options = self.options.checked()?;
            Ok(R::of(Call(Ok(Target { actor: None, function: self.function, arguments, options }))))
        });
        submitted.unwrap_or_else(|error| R::of(Call(Err(error))))
    }
}

impl<Args, R> Clone for Submission<Args, R> {
    fn clone(&self) -> Self {
        Self { function: self.function, options: self.options.clone(), types: PhantomData }
    }
}

impl<Args, R> fmt::Debug for Submission<Args, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("function", &self.function).field("options", &self.options).finish()
    }
}

macro_rules! remote {
    ($($argument:ident: $Type:ident),*) => {
        impl<$($Type,)* R: Returned> Submission<($($Type,)*), R> {
            /// Submits the task and gives the reference to its result, or to its results, at once. It never blocks; what goes wrong reaches
            /// whoever awaits the reference.
            #[allow(clippy::too_many_arguments, reason = "as many as the function has")]
            pub fn remote(self, $($argument: impl IntoArg<$Type>),*) -> R {
                self.submit(&mut [$($argument.into_outgoing()),*])
            }
        }
    };
}

remote!();
remote!(a: A);
remote!(a: A, b: B);
remote!(a: A, b: B, c: C);
remote!(a: A, b: B, c: C, d: D);
remote!(a: A, b: B, c: C, d: D, e: E);
remote!(a: A, b: B, c: C, d: D, e: E, f: F);
remote!(a: A, b: B, c: C, d: D, e: E, f: F, g: G);
remote!(a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H);
remote!(a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H, i: I);
remote!(a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H, i: I, j: J);
remote!(a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H, i: I, j: J, k: K);
remote!(a: A, b: B, c: C, d: D, e: E, f: F, g: G, h: H, i: I, j: J, k: K, l: L);
