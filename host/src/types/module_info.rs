//! A module that is loaded.

use std::any::Any;
use std::sync::Arc;

use super::account::Account;
use super::ids::ModuleId;
use super::manifest::{ActorTypeInfo, FunctionInfo, Manifest};
use super::plan::ModulePlans;

/// One version of a loaded module: its name, what it offers, and its code, which lives as long as this is held.
#[derive(Debug)]
pub struct ModuleInfo {
    /// Its number on this host, the same for all its versions.
    pub id: ModuleId,
    /// Its name: the file's stem, or what the embedder called it.
    pub name: Arc<str>,
    /// Has it a `main`?
    pub has_main: bool,
    /// Its tasks and actors; `None` for a plain command that knows nothing of them.
    pub manifest: Option<Arc<Manifest>>,
    /// The interfaces that it imports, as the component names them.
    pub imports: Arc<[String]>,
    /// Of the component's bytes, where results are kept for it.
    pub(crate) code_hash: Option<[u8; 32]>,
    /// How its tasks run on this host.
    pub(crate) plans: ModulePlans,
    /// What the host keeps for it, the same for all its versions.
    pub(crate) account: Arc<Account>,
    /// The right to keep its named actors' checkpoints in the journal, which one loaded module of a name has at a time. The same for
    /// all its versions.
    pub(crate) lasting: Option<Arc<()>>,
    /// What runs it. Only the sandbox knows what that is.
    pub(crate) code: Arc<dyn Any + Send + Sync>,
    /// Bytes that the host keeps of its manifest, and of the names of its imports.
    pub(crate) manifest_bytes: u64,
    /// Their room in the store, on the account. Only the store knows what that is.
    pub(crate) _charge: Box<dyn Any + Send + Sync>,
}

impl ModuleInfo {
    /// A module that offers nothing, and has no code.
    pub(crate) fn empty(id: ModuleId, name: &str) -> Arc<Self> {
        Arc::new(ModuleInfo {
            id,
            name: name.into(),
            has_main: false,
            manifest: None,
            imports: Arc::default(),
            code_hash: None,
            plans: ModulePlans::default(),
            account: Arc::default(),
            lasting: None,
            code: Arc::new(()),
            manifest_bytes: 0,
            _charge: Box::new(()),
        })
    }

    /// The task of this name. For one of a component that no SDK made its names in WIT will do, too, with or without the version.
    pub fn task(&self, name: &str) -> Option<&FunctionInfo> {
        self.manifest.as_ref()?.task(name)
    }

    /// Is a task meant by this name, or is it known why none is? Names of WIT hold colons, as those of other modules' tasks do.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.task(name).is_some() || self.manifest.as_ref().is_some_and(|manifest| manifest.why_not(name).is_some())
    }

    /// The actor type of this name.
    pub fn actor(&self, name: &str) -> Option<&ActorTypeInfo> {
        self.manifest.as_ref()?.actors.iter().find(|actor| &*actor.name == name)
    }
}
