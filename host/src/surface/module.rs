//! A loaded module, as an embedder holds it.

use std::path::Path;
use std::sync::Arc;

use super::actor::ActorCall;
use super::host::read_away;
use super::task::TaskCall;
use crate::port::Port;
use crate::runtime::Runtime;
use crate::sandbox::ModuleError;
use crate::state::modules::ModuleSlot;
use crate::state::object::ObjectRef;
use crate::words::manifest::{Manifest, ModuleInfo};
use crate::words::module_name::ModuleNameError;
use crate::words::options::TaskOptions;

/// A module on its host, whatever its version: what is submitted takes the one that is there then, and keeps it. A clone is
/// cheap.
#[derive(Clone)]
pub struct Module {
    runtime: Arc<Runtime>,
    slot: Arc<ModuleSlot>,
}

impl Module {
    pub(super) fn new(runtime: Arc<Runtime>, slot: Arc<ModuleSlot>) -> Self {
        Module { runtime, slot }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.slot.name
    }

    /// Its tasks and actors; `None` for a plain command.
    pub fn manifest(&self) -> Option<Arc<Manifest>> {
        self.info().manifest.clone()
    }

    /// Bytes that the host keeps for it now, all versions together: what its tasks put and gave, and what it and its tasks submitted
    /// that has not ended, actors, streams and errors included. They are a part of
    /// [`Stats::object_bytes`](crate::Stats::object_bytes), and within what the
    /// [object store](crate::HostBuilder::object_store_bytes) holds. What a guest holds while it runs is its memory instead.
    pub fn kept_bytes(&self) -> u64 {
        self.info().account.kept_bytes()
    }

    /// What is known of the version that is there. Whoever holds it holds the code.
    pub fn info(&self) -> Arc<ModuleInfo> {
        self.slot.current()
    }

    /// Puts another version of the module in place of this one. What is submitted from then on takes it, through any handle and by
    /// name. What was submitted before, and what that submits to its own module, finishes on the version that it began with, also
    /// when it is tried again; an actor stays on its own until it is told to [move](crate::ActorHandle::move_to_current). The
    /// code of a version goes when nothing needs it any more. Of several replacements at the same time the one that was asked for
    /// last stays.
    ///
    /// # Errors
    /// Why the bytes are no module that this host can run; the version that is there stays.
    pub async fn replace(&self, bytes: impl Into<Vec<u8>>) -> Result<(), ModuleError> {
        let (runtime, slot, bytes) = (self.runtime.clone(), self.slot.clone(), bytes.into());
        let replacing = self.runtime.tokio().spawn(async move { runtime.replace(slot, bytes).await });
        replacing.await.map_err(|_| ModuleError::HostShutDown)?
    }

    /// The same, from a file. The module keeps its name.
    ///
    /// # Errors
    /// As those of [`replace`](Self::replace), or the file cannot be read.
    pub async fn replace_file(&self, path: impl AsRef<Path>) -> Result<(), ModuleError> {
        self.replace(read_away(&self.runtime, path.as_ref()).await?).await
    }

    /// Has guests that hold `module:NAME` (see [`Capabilities::module`](crate::Capabilities::module)) call its tasks and create its
    /// actors by its [name](Self::name): `NAME:FUNCTION`. It is kept by its host until it is
    /// [unregistered](Self::unregister).
    ///
    /// # Errors
    /// The name is none that guests can say, or another module's.
    pub fn register(&self) -> Result<(), ModuleNameError> {
        self.runtime.register(&self.slot)
    }

    /// Guests find it no more; false if they did not before. What they have submitted goes on.
    pub fn unregister(&self) -> bool {
        self.runtime.unregister(&self.slot)
    }

    /// A call of a task, to be completed with arguments. That there is no such task is the error of its result.
    pub fn task(&self, name: &str) -> TaskCall {
        TaskCall::new(self.runtime.clone(), self.slot.clone(), name.into())
    }

    /// A new actor, to be completed with arguments of the constructor `new`, or of another. That there is no such type
    /// is the error of its calls.
    pub fn actor(&self, type_name: &str) -> ActorCall {
        ActorCall::new(self.runtime.clone(), self.slot.clone(), type_name.into())
    }

    /// Runs `main` with this command line, the program's name first. The value is the exit code, an `i32`.
    ///
    /// What it prints goes to the log; with `inherit_stdio` straight to the process's own streams. In a full object store that spills
    /// this waits on this thread for room, for [a quarter of a second](crate::limits::ROOM_PATIENCE) at most.
    pub fn main(&self, arguments: Vec<String>, inherit_stdio: bool, options: TaskOptions) -> ObjectRef {
        self.runtime.submit_main(self.info(), arguments, inherit_stdio, options).here(self.runtime.store())
    }
}
