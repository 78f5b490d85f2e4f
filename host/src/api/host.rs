//! The host, as an embedder holds it.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures::channel::oneshot::Receiver;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec;
use super::module::Module;
use super::module_file::read_away;
use crate::port::waiting::{value_of, wait_outside};
use crate::port::{ObjectPort, TaskPort};
use crate::runtime::{IoThreads, Runtime, on_threads_of};
use crate::sandbox::ModuleError;
use crate::state::object::ObjectRef;
use crate::state::object::payload::{Payload, Value};
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::limits::{NAME_BYTES_MAX, OBSERVER_PATIENCE};
use crate::types::stats::Stats;

/// Time for threads to end, which takes longer only when an embedder's own function does not return.
const JOIN: Duration = Duration::from_secs(5);

/// A host: the scheduler, the actors and the object store of one embedder, on threads of its own. Any number of hosts
/// live in one process and share nothing.
///
/// Its futures run on any executor. Dropping it without [`shutdown`](Host::shutdown) ends all work at once.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use rustyray_host::Host;
/// let host = Host::builder().cpus(2.0).build()?;
/// let module = host.load_file("tasks.wasm").await?;
/// let sum = module.task("add").arg(2).arg(3).submit().await;
/// assert_eq!(host.get::<i32>(&sum).await?, 5);
/// host.shutdown(std::time::Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
pub struct Host {
    runtime: Arc<Runtime>,
    /// Taken by the first shutdown that gets there.
    io: Mutex<Option<IoThreads>>,
}

impl Host {
    pub(super) fn new(runtime: Arc<Runtime>, io: IoThreads) -> Self {
        Host { runtime, io: Mutex::new(Some(io)) }
    }

    /// Loads a module from a file; its name is the file's stem.
    ///
    /// # Errors
    /// Why the file is no module that this host can run.
    pub async fn load_file(&self, path: impl AsRef<Path>) -> Result<Module, ModuleError> {
        let name = path.as_ref().file_stem().map_or_else(|| "module".into(), |stem| stem.to_string_lossy());
        self.load_file_as(&name, path.as_ref()).await
    }

    /// Loads a module from a file, under another name than the file's.
    ///
    /// # Errors
    /// Why the file is no module that this host can run.
    pub async fn load_file_as(&self, name: &str, path: impl AsRef<Path>) -> Result<Module, ModuleError> {
        self.load_bytes(name, read_away(&self.runtime, path.as_ref()).await?).await
    }

    /// Loads a module from its bytes. A load whose future is dropped ends; where the host has a [compiler](crate::HostBuilder::compiler)
    /// that ends as well, and else it finishes the module that it is at.
    ///
    /// # Errors
    /// Why the bytes are no module that this host can run.
    pub async fn load_bytes(&self, name: &str, bytes: impl Into<Vec<u8>>) -> Result<Module, ModuleError> {
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_BYTES_MAX / 4).collect();
        let (runtime, bytes) = (self.runtime.clone(), bytes.into());
        let loading = async move { runtime.load(name.into(), bytes).await };
        let slot = on_threads_of(self.runtime.tokio(), loading).await?;
        Ok(Module::new(self.runtime.clone(), slot))
    }

    /// Stores a value. In a full store that spills it waits on this thread for room, for
    /// [a quarter of a second](crate::limits::ROOM_PATIENCE) at most.
    ///
    /// # Errors
    /// `ObjectStoreFull`, or `InvalidArgument` when it does not serialise.
    pub fn put<T: Serialize + 'static>(&self, value: &T) -> TaskResult<ObjectRef> {
        self.keep(codec::encode(value).map_err(Arc::new)?)
    }

    /// Stores bytes that are encoded already, with the references inside them. Bytes that somebody else holds as well are copied. In a
    /// full store that spills it waits on this thread, as [`put`](Self::put) does.
    ///
    /// # Errors
    /// `ObjectStoreFull`.
    pub fn put_payload(&self, payload: Payload) -> TaskResult<ObjectRef> {
        self.keep(codec::own(payload))
    }

    fn keep(&self, payload: Payload) -> TaskResult<ObjectRef> {
        let store = self.runtime.store();
        Ok(store.sealed(Ok(store.store_here(payload)?)))
    }

    /// Waits for an object's value. The task that makes it may run on this thread meanwhile:
    /// see [`HostBuilder::helping`](crate::HostBuilder::helping).
    ///
    /// # Errors
    /// The error that it was sealed with, or `InvalidArgument` when the value is no `T`.
    pub async fn get<T: DeserializeOwned + 'static>(&self, object: &ObjectRef) -> TaskResult<T> {
        self.decoded(self.value(object, None).await?)
    }

    /// The same, for at most `timeout`.
    ///
    /// # Errors
    /// `GetTimeout` besides.
    pub async fn get_within<T: DeserializeOwned + 'static>(
        &self,
        object: &ObjectRef,
        timeout: Duration,
    ) -> TaskResult<T> {
        self.decoded(self.value(object, Some(timeout)).await?)
    }

    /// Waits for an object's bytes as they are.
    ///
    /// # Errors
    /// The error that it was sealed with, or `GetTimeout`.
    pub async fn value(&self, object: &ObjectRef, timeout: Option<Duration>) -> TaskResult<Arc<Value>> {
        if !object.is_ready() {
            self.runtime.help(object);
        }
        value_of(&*self.runtime, None, object, timeout).await.unwrap_or_else(|_| {
            let text = format!("object {} was not ready within {:?}", object.id(), timeout.unwrap_or_default());
            Err(Arc::new(TaskError::new(ErrorKind::GetTimeout, text)))
        })
    }

    fn decoded<T: DeserializeOwned + 'static>(&self, value: Arc<Value>) -> TaskResult<T> {
        codec::decode(value.payload()).map_err(Arc::new)
    }

    /// Waits until `count` of the objects have a value or an error, or until the time is up: gives those that have, and the others, each
    /// in the order in which they were given. At most `count` are given as ready: were there more, they are among the others. Of no
    /// objects, none are.
    ///
    /// # Errors
    /// `InvalidArgument` for a count of 0 or of more than there are, and for an object that is named twice.
    ///
    /// ```no_run
    /// # async fn example(host: rustyray_host::Host, module: rustyray_host::Module) -> rustyray_host::TaskResult<()> {
    /// let mut left = vec![module.task("work").arg(1).submit().await, module.task("work").arg(2).submit().await];
    /// while !left.is_empty() {
    ///     let (ready, others) = host.wait(&left, 1, None).await?;
    ///     println!("{}", host.get::<i32>(&ready[0]).await?);
    ///     left = others;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait(
        &self,
        objects: &[ObjectRef],
        count: usize,
        timeout: Option<Duration>,
    ) -> TaskResult<(Vec<ObjectRef>, Vec<ObjectRef>)> {
        check_wait(objects, count)?;
        if !objects.is_empty() {
            let _ = wait_outside(&*self.runtime, objects, count, timeout).await;
        }
        let (mut ready, mut others) = (Vec::new(), Vec::new());
        for object in objects {
            let is_given = ready.len() < count && object.is_ready();
            if is_given { &mut ready } else { &mut others }.push(object.clone());
        }
        Ok((ready, others))
    }

    /// Ends the task that makes an object, and all that it submitted, wherever they are. An object that is ready stays.
    pub fn cancel(&self, object: &ObjectRef) {
        self.cancel_with(object, true, true);
    }

    /// The same in detail. Without `force` a running task is first asked to stop, and ended after the host's
    /// [grace](crate::HostBuilder::cancel_grace); without `recursive` its children go on.
    ///
    /// A call that an actor serves can only be ended with the actor's instance: it counts as a crash.
    pub fn cancel_with(&self, object: &ObjectRef, force: bool, recursive: bool) {
        self.runtime.cancel(object, force, recursive);
    }

    /// What the host is doing, and what it has done.
    pub fn stats(&self) -> Stats {
        self.runtime.stats()
    }

    /// Returns when everything that happened before this call has been told: log lines, events and receipts reach the
    /// embedder's functions a moment after what they tell of.
    ///
    /// It waits as long as a function takes that is told. Called in such a function it returns at once: what comes
    /// after that cannot have been told. Another thread that such a function waits for must not wait for it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::sync::Arc;
    /// use rustyray_host::Host;
    /// let fuel = Arc::new(AtomicU64::new(0));
    /// let sum = fuel.clone();
    /// let host = Host::builder()
    ///     .on_receipt(move |receipt| drop(sum.fetch_add(receipt.fuel_used, Ordering::Relaxed)))
    ///     .build()?;
    /// let module = host.load_file("tasks.wasm").await?;
    /// let task = module.task("work").submit().await;
    /// host.get::<()>(&task).await?;
    /// host.flush().await;
    /// println!("it took {} units of fuel", fuel.load(Ordering::Relaxed));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn flush(&self) {
        self.runtime.observers().flush().await;
    }

    /// Ends the host: nothing is taken in any more, the work there is has `grace` to finish, the rest is ended. What happened
    /// is told, to functions that [return](crate::limits::OBSERVER_PATIENCE), and then no thread of the host is left but one that
    /// such a function keeps. Further calls, at the same time or later, do nothing more.
    pub async fn shutdown(&self, grace: Duration) {
        let runtime = self.runtime.clone();
        if self.runtime.tokio().spawn(runtime.drain(grace)).await.is_err() {
            // A fault on the way: what is left is ended all the same.
            self.runtime.halt();
        }
        let io = self.io.lock().take();
        if let Some(io) = io
            && let Some((joiner, joined)) = end_threads(self.runtime.clone(), io, true)
        {
            let _ = joined.await;
            let _ = joiner.join();
        }
    }
}

/// Ends the threads. Joining them blocks, so that a thread does it which nobody waits on but who takes what this gives. tokio's go after the
/// the workers': guests that are about to end may look at the time.
fn end_threads(runtime: Arc<Runtime>, io: IoThreads, finish: bool) -> Option<(JoinHandle<()>, Receiver<()>)> {
    let (done, joined) = futures::channel::oneshot::channel();
    // Also where there is no thread to wait for them.
    runtime.end_workers();
    let joiner = std::thread::Builder::new().name("rustyray-join".to_owned()).spawn(move || {
        runtime.join_workers(JOIN);
        io.join(JOIN);
        if finish {
            runtime.observers().finish(OBSERVER_PATIENCE);
        }
        let _ = done.send(());
    });
    Some((joiner.ok()?, joined))
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(io) = self.io.get_mut().take() {
            self.runtime.halt();
            // Nobody waits for that.
            drop(end_threads(self.runtime.clone(), io, false));
        }
    }
}

/// Is this a wait that can be meant?
fn check_wait(objects: &[ObjectRef], count: usize) -> TaskResult<()> {
    let refuse = |text: String| Err(Arc::new(TaskError::new(ErrorKind::InvalidArgument, text)));
    // What a full store refuses is one error that many tasks have.
    let alone = objects.iter().filter(|object| object.error().is_none());
    let mut ids: Vec<_> = alone.map(|object| object.id().0).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|two| two[0] == two[1]) {
        _ if objects.is_empty() => Ok(()),
        _ if count == 0 || count > objects.len() => refuse(format!(
            "a wait for {count} of {} objects: name one at least, and no more than there are",
            objects.len()
        )),
        Some(two) => refuse(format!("object {} is named twice in one wait: name each once", two[0])),
        None => Ok(()),
    }
}
