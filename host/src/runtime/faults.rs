//! Panics, of an embedder's imports while a guest runs, and of the host itself: each ends what it is in, and nothing else.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use tracing::Level;

use super::Runtime;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::panics::caught;

impl Runtime {
    /// Does a step of something that must go on: false if it panicked, which is told.
    pub(super) fn survives(&self, doing: &str, step: impl FnOnce()) -> bool {
        let survived = caught(step);
        if let Err(words) = &survived {
            self.observers.say(Level::ERROR, || format!("the host panicked while it {doing}, and goes on: {words}"));
        }
        survived.is_ok()
    }

    /// What runs a guest, and with it an embedder's imports. A panic there gives what `failed` makes of it; one that comes when it
    /// is dropped, by whoever ends the guest, is noted alone.
    pub(super) fn sheltered<T: 'static>(
        self: &Arc<Self>,
        guest: impl Future<Output = T> + Send + 'static,
        failed: impl FnOnce(TaskError) -> T + Send + Unpin + 'static,
    ) -> BoxFuture<'static, T> {
        Box::pin(Sheltered { runtime: self.clone(), guest: Some(Box::pin(guest)), failed: Some(failed) })
    }
}

/// The error of what the host failed to run.
pub(super) fn host_failed() -> Arc<TaskError> {
    Arc::new(TaskError::new(ErrorKind::Internal, "the host failed to run it"))
}

/// The error of a task whose argument failed. However long the chain of such tasks is, each tells once why the first one's argument did.
pub(super) fn dependency_failed(cause: &TaskError) -> TaskError {
    const TEXT: &str = "an argument could not be had";
    let goes_on = cause.kind == ErrorKind::DependencyFailed;
    let message = if goes_on { cause.message.clone() } else { format!("{TEXT}: {}", cause.message) };
    let mut error = TaskError::new(ErrorKind::DependencyFailed, message).caused_by(cause);
    if goes_on {
        error.causes.iter_mut().take(1).for_each(|cause| TEXT.clone_into(&mut cause.message));
    }
    error
}

struct Sheltered<T, F> {
    runtime: Arc<Runtime>,
    guest: Option<BoxFuture<'static, T>>,
    failed: Option<F>,
}

impl<T, F> Sheltered<T, F> {
    fn let_go(&mut self) {
        let guest = self.guest.take();
        self.runtime.imports.call(|| drop(guest));
    }
}

impl<T, F: FnOnce(TaskError) -> T + Unpin> Future for Sheltered<T, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(guest) = &mut self.guest else { return Poll::Pending };
        let words = match caught(|| guest.as_mut().poll(cx)) {
            Ok(polled) => return polled,
            Err(words) => words,
        };
        self.runtime.imports.note(&words);
        self.let_go();
        self.failed.take().map_or(Poll::Pending, |failed| Poll::Ready(failed(panicked(&words))))
    }
}

impl<T, F> Drop for Sheltered<T, F> {
    fn drop(&mut self) {
        self.let_go();
    }
}

fn panicked(words: &str) -> TaskError {
    let text = format!(
        "a function that the host called for it, such as an import of the embedding program, panicked: {words}"
    );
    TaskError::new(ErrorKind::Internal, text)
}
