//! A loaded module, as an embedder holds it.

use std::sync::Arc;

use super::actor::ActorCall;
use super::task::TaskCall;
use crate::runtime::Runtime;
use crate::state::object::ObjectRef;
use crate::words::manifest::{Manifest, ModuleInfo};
use crate::words::options::TaskOptions;

/// A module on its host. A clone is cheap.
#[derive(Clone)]
pub struct Module {
    runtime: Arc<Runtime>,
    info: Arc<ModuleInfo>,
}

impl Module {
    pub(super) fn new(runtime: Arc<Runtime>, info: Arc<ModuleInfo>) -> Self {
        Module { runtime, info }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.info.name
    }

    /// Its tasks and actors; `None` for a plain command.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.info.manifest.as_ref()
    }

    /// What is known of it.
    pub fn info(&self) -> &Arc<ModuleInfo> {
        &self.info
    }

    /// A call of a task, to be completed with arguments. That there is no such task is the error of its result.
    pub fn task(&self, name: &str) -> TaskCall {
        TaskCall::new(self.runtime.clone(), self.info.clone(), name.into())
    }

    /// A new actor, to be completed with arguments of the constructor `new`, or of another. That there is no such type
    /// is the error of its calls.
    pub fn actor(&self, type_name: &str) -> ActorCall {
        ActorCall::new(self.runtime.clone(), self.info.clone(), type_name.into())
    }

    /// Runs `main` with this command line, the program's name first. The value is the exit code, an `i32`.
    ///
    /// What it prints goes to the log; with `inherit_stdio` straight to the process's own streams.
    pub fn main(&self, arguments: Vec<String>, inherit_stdio: bool, options: TaskOptions) -> ObjectRef {
        self.runtime.submit_main(self.info.clone(), arguments, inherit_stdio, options)
    }
}
