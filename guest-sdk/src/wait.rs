//! Waiting for some of many.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::executor::{Interest, Sleep, sleep};
use crate::host::{nanoseconds, objects, types};
use crate::object_ref::{ObjectRef, RawRef};
use crate::task_error::local_error;

/// The references that have a value or an error, and the others: each in the order in which they were given.
pub type Waited<T> = (Vec<ObjectRef<T>>, Vec<ObjectRef<T>>);

/// Waits until `count` of the references have a value or an error, or until the time is up.
///
/// As in Ray, at most `count` are given as ready: were there more, they are among the others. Of no references, none are.
///
/// # Errors
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a count of 0 or of more than there are, and for an object that is
/// named twice. [`TaskCancelled`](crate::ErrorKind::TaskCancelled) when this task was asked to stop, [`Deadlock`](crate::ErrorKind::Deadlock)
/// when what it waits for waits for this task. That a task failed is no error
/// here: its reference is ready.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// # #[rustyray::remote] fn add(a: i32, b: i32) -> i32 { a + b }
/// # async fn example() -> Result<()> {
/// let refs: Vec<_> = (0..8).map(|i| add.remote(i, i)).collect();
/// let (ready, rest) = rustyray::wait(&refs, 3, Some(Duration::from_secs(5))).await?;
/// # Ok(())
/// # }
/// ```
pub async fn wait<T>(references: &[ObjectRef<T>], count: usize, timeout: Option<Duration>) -> Result<Waited<T>> {
    check(references, count)?;
    let candidates = Candidates::new(references, count);
    let group = GroupWait {
        objects: candidates.objects,
        missing: candidates.missing,
        timeout: timeout.map(sleep),
        interest: None,
    };
    Ok(split(references, count, &group.await?))
}

/// [`wait`] for plain functions: one host call.
///
/// # Errors
/// As those of [`wait`].
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::remote]
/// fn first(parts: Vec<ObjectRef<i32>>) -> Result<i32> {
///     let (ready, _) = rustyray::blocking_wait(&parts, 1, None)?;
///     ready[0].blocking_get()
/// }
/// ```
pub fn blocking_wait<T>(references: &[ObjectRef<T>], count: usize, timeout: Option<Duration>) -> Result<Waited<T>> {
    check(references, count)?;
    let Candidates { objects, missing } = Candidates::new(references, count);
    let ready = if missing == 0 { vec![false; objects.len()] } else { ask(&objects, missing, timeout)? };
    Ok(split(references, count, &ready))
}

/// Is this a wait that can be meant?
fn check<T>(references: &[ObjectRef<T>], count: usize) -> Result<()> {
    if references.is_empty() {
        return Ok(());
    }
    let refuse = |text: String| Err(Error::from_host(local_error(types::ErrorKind::InvalidArgument, text)));
    if count == 0 || count > references.len() {
        let all = references.len();
        return refuse(format!(
            "a wait for {count} of {all} references: name one at least, and no more than there are"
        ));
    }
    let mut ids: Vec<_> = references.iter().filter_map(|reference| Some((reference.id()?, reference))).collect();
    ids.sort_unstable_by_key(|(id, _)| *id);
    // What a full store refuses is one error that many tasks have.
    let is_twice = |two: &[(u64, &ObjectRef<T>)]| two[0].0 == two[1].0 && !two[0].1.has_failed();
    match ids.windows(2).find(|two| is_twice(two)) {
        Some(two) => refuse(format!("object {} is named twice in one wait: name each once", two[0].0)),
        None => Ok(()),
    }
}

/// Those of the references that the host knows, and how many of them are to be waited for. A reference that failed on
/// its way there is ready.
struct Candidates {
    objects: Vec<Arc<types::ObjectRef>>,
    missing: usize,
}

impl Candidates {
    fn new<T>(references: &[ObjectRef<T>], count: usize) -> Self {
        let object = |reference: &ObjectRef<T>| match reference.raw() {
            RawRef::Object(object) => Some(object.clone()),
            RawRef::Failed(_) => None,
        };
        let objects: Vec<_> = references.iter().filter_map(object).collect();
        let failed = references.len() - objects.len();
        let missing = count.saturating_sub(failed).min(objects.len());
        Self { objects, missing }
    }
}

/// Asks the host which are ready, after waiting for `missing` of them at most `timeout` long.
fn ask(objects: &[Arc<types::ObjectRef>], missing: usize, timeout: Option<Duration>) -> Result<Vec<bool>> {
    let handles: Vec<&types::ObjectRef> = objects.iter().map(|object| &**object).collect();
    let count = u32::try_from(missing).unwrap_or(u32::MAX);
    let mut ready = vec![false; objects.len()];
    for index in objects::wait(&handles, count, timeout.map(nanoseconds)).map_err(Error::from_host)? {
        ready[index as usize] = true;
    }
    Ok(ready)
}

/// `ready` is about the references that the host knows, in order.
fn split<T>(references: &[ObjectRef<T>], count: usize, ready: &[bool]) -> Waited<T> {
    let mut known = ready.iter();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for reference in references {
        let ready = match reference.raw() {
            RawRef::Object(_) => known.next().copied().unwrap_or(false),
            RawRef::Failed(_) => true,
        };
        if ready && first.len() < count { &mut first } else { &mut rest }.push(reference.clone());
    }
    (first, rest)
}

/// Waits for some of the objects, beside whatever else is being awaited.
struct GroupWait {
    objects: Vec<Arc<types::ObjectRef>>,
    missing: usize,
    timeout: Option<Sleep>,
    /// There since the first poll that found too few.
    interest: Option<Interest>,
}

impl GroupWait {
    fn ready(&mut self) -> Vec<bool> {
        self.interest.take().map(Interest::into_ready).unwrap_or_default()
    }

    /// Asks for what is there already, and waits for the rest.
    fn start(&mut self, context: &Context<'_>) -> Poll<Result<Vec<bool>>> {
        let ready = match self.missing {
            0 => vec![false; self.objects.len()],
            missing => ask(&self.objects, missing, Some(Duration::ZERO))?,
        };
        let there = ready.iter().filter(|ready| **ready).count();
        if there >= self.missing {
            return Poll::Ready(Ok(ready));
        }
        let objects = std::mem::take(&mut self.objects);
        self.interest = Some(Interest::group(objects, ready, self.missing - there, context));
        Poll::Pending
    }
}

impl Future for GroupWait {
    type Output = Result<Vec<bool>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let started = match &self.interest {
            None => self.start(context),
            Some(interest) => match interest.poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(_)) => Poll::Ready(Ok(self.ready())),
                Poll::Ready(Err(stopped)) => Poll::Ready(Err(stopped)),
            },
        };
        if started.is_ready() {
            return started;
        }
        match self.timeout.as_mut().map(|timeout| Pin::new(timeout).poll(context)) {
            Some(Poll::Ready(())) => Poll::Ready(Ok(self.ready())),
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }
}
