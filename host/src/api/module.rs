//! A loaded module, as an embedder holds it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::actor::{ActorCall, ActorHandle};
use super::module_file::read_away;
use super::task::TaskCall;
use crate::port::ObjectPort;
use crate::runtime::{Runtime, on_threads_of};
use crate::sandbox::{LoadedModule, ModuleError};
use crate::state::modules::ModuleSlot;
use crate::state::object::ObjectRef;
use crate::types::error::TaskError;
use crate::types::manifest::Manifest;
use crate::types::module_info::ModuleInfo;
use crate::types::module_name::ModuleNameError;
use crate::types::options::{Address, TaskOptions};
use crate::types::weight::WeightError;

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

    /// Bytes that the host keeps for it now, all versions together: their manifests, what its tasks put and gave, and what it and its
    /// tasks submitted that has not ended, actors, streams and errors included. They are a part of
    /// [`Stats::object_bytes`](crate::Stats::object_bytes), and within what the
    /// [object store](crate::HostBuilder::object_store_bytes) holds. What a guest holds while it runs is its memory instead.
    pub fn kept_bytes(&self) -> u64 {
        self.info().account.kept_bytes()
    }

    /// The file of its native code, where the host has a [cache](crate::HostBuilder::cache_dir).
    ///
    /// # Errors
    /// Why it is compiled anew by the next host, in words.
    pub fn compiled_file(&self) -> Result<PathBuf, String> {
        match LoadedModule::code_of(&self.info()).as_ref().and_then(|code| code.kept()) {
            Some(kept) => kept.map(Path::to_owned).map_err(str::to_owned),
            None => Err("this host has no folder for compiled modules".to_owned()),
        }
    }

    /// What is known of the version that is there. Whoever holds it holds the code.
    pub fn info(&self) -> Arc<ModuleInfo> {
        self.slot.current()
    }

    /// Puts another version of the module in place of this one. What is submitted from then on takes it, through any handle and by
    /// name. What was submitted before, and what that submits to its own module, finishes on the version that it began with, also
    /// when it is tried again; an actor stays on its own until it is told to [move](crate::ActorHandle::move_to_current). The
    /// code of a version goes when nothing needs it any more. Of several replacements at the same time the one that was asked for
    /// last stays, and one whose future is dropped before that changes nothing.
    ///
    /// # Errors
    /// Why the bytes are no module that this host can run; the version that is there stays.
    pub async fn replace(&self, bytes: impl Into<Vec<u8>>) -> Result<(), ModuleError> {
        let (runtime, slot, bytes) = (self.runtime.clone(), self.slot.clone(), bytes.into());
        on_threads_of(self.runtime.tokio(), async move { runtime.replace(slot, bytes).await }).await
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

    /// How much this module gets of what modules share, against the others of its host: 1 where nothing was said.
    pub fn weight(&self) -> u32 {
        self.slot.weight()
    }

    /// Gives this module a weight from 1 to [`WEIGHT_MAX`](crate::limits::WEIGHT_MAX), for all its handles and versions. Beside modules of
    /// weight 1, one of weight 3 gets three times their share of the CPU slots, of the turns of ready tasks and of those that
    /// compute, and of the instances that are kept for modules. RoundRobin are divided among the modules that want something: nothing is
    /// left idle for the others. Priorities go first: a weight counts among tasks of the same priority.
    ///
    /// # Errors
    /// The weight is none of these.
    pub fn set_weight(&self, weight: u32) -> Result<(), WeightError> {
        self.runtime.set_weight(&self.slot, weight)
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

    /// Finds an actor of this module by its [name](crate::ActorOptions::name), whoever created it. Each module has names of its
    /// own.
    ///
    /// # Errors
    /// `ActorNotFound`.
    ///
    /// ```no_run
    /// # async fn example(host: rustyray_host::Host) -> Result<(), Box<dyn std::error::Error>> {
    /// use rustyray_host::ActorOptions;
    /// let module = host.load_file("tasks.wasm").await?;
    /// let counter = module.actor("Counter").options(ActorOptions::new().name("global")).create();
    /// let same = module.find_actor("global")?;
    /// assert_eq!(same.actor_ref().id(), counter.actor_ref().id());
    /// # Ok(())
    /// # }
    /// ```
    pub fn find_actor(&self, name: &str) -> Result<ActorHandle, TaskError> {
        self.find(&Address::new(name, None))
    }

    /// Finds an actor of this module by its name in a [namespace](crate::ActorOptions::namespace).
    ///
    /// # Errors
    /// `ActorNotFound`.
    pub fn find_actor_in(&self, namespace: &str, name: &str) -> Result<ActorHandle, TaskError> {
        self.find(&Address::new(name, Some(namespace)))
    }

    fn find(&self, name: &Address) -> Result<ActorHandle, TaskError> {
        let actor = self.runtime.actor_of(self.slot.id, name)?;
        Ok(ActorHandle::new(self.runtime.clone(), actor))
    }

    /// Runs `main` with this command line, the program's name first. The value is the exit code, an `i32`.
    ///
    /// What it prints goes to the log; with `inherit_stdio` straight to the process's own streams. In a full object store that spills
    /// this waits on this thread for room, for [a quarter of a second](crate::limits::ROOM_PATIENCE) at most.
    pub fn main(&self, arguments: Vec<String>, inherit_stdio: bool, options: TaskOptions) -> ObjectRef {
        self.runtime.submit_main(self.info(), arguments, inherit_stdio, options).here(self.runtime.store())
    }
}
