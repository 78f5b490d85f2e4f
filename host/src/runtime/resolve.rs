//! What a name from a guest means: a function or an actor of its own module, or `MODULE:NAME` of another that it may call.

use std::sync::Arc;

use super::Runtime;
use crate::state::actor::ActorRef;
use crate::state::task::TaskRecord;
use crate::types::capabilities::Capabilities;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::ids::ModuleId;
use crate::types::module_info::ModuleInfo;
use crate::types::module_name::split_module;
use crate::types::options::Address;

impl Runtime {
    /// Goes over to the module that the name is of, if that is another. What the module itself declares by this name is meant
    /// first: names could have a colon before there were others.
    ///
    /// # Errors
    /// `CapabilityDenied`, whether there is such a module or not, or that there is none.
    pub(super) fn readdress(
        &self,
        module: &mut Arc<ModuleInfo>,
        name: &mut Arc<str>,
        declares: impl FnOnce(&ModuleInfo, &str) -> bool,
        caller: Option<&Arc<TaskRecord>>,
    ) -> Result<(), TaskError> {
        let Some((other, function)) = split_module(name) else {
            return Ok(());
        };
        if declares(module, name) {
            return Ok(());
        }
        let held = caller.map_or(&self.capabilities, |caller| &caller.spec.capabilities);
        if !held.has_module(other) {
            if let Some(caller) = caller {
                caller.meter().refuse(format!("module:{}", other.escape_debug()));
            }
            return Err(denied(other, held));
        }
        let found = self.modules.find(other).ok_or_else(|| {
            let text = format!(
                "module '{other}' is granted, and not there: load it under this name, and `Module::register` it"
            );
            TaskError::new(ErrorKind::TaskNotFound, text)
        })?;
        (*module, *name) = (found, function.into());
        Ok(())
    }

    /// The actor that a task means by this name: one of its own module, or else one of those that it is granted, in the order of the
    /// modules' names. `MODULE:NAME` of a granted one is that module's alone: whoever may create actors of the task's own module
    /// could give one such a name, and pass for the other.
    ///
    /// # Errors
    /// `ActorNotFound`, which says nothing of modules that are not granted. `CapabilityDenied` to a pure task.
    pub(super) fn actor_for(&self, name: &Address, caller: &TaskRecord) -> Result<ActorRef, TaskError> {
        let held = &caller.spec.capabilities;
        held.actors_in_reach()?;
        let of = |module: &str, name: &Address| self.actors.names.find(self.modules.id_of(module)?, name);
        let own = || self.actors.names.find(caller.spec.module.id, name);
        let found = match name.in_module() {
            Some((module, name)) if held.has_module(module) => of(module, &name),
            Some(_) => own(),
            None => own().or_else(|| held.modules().find_map(|module| of(module, name))),
        };
        found.ok_or_else(|| {
            let module = name.in_module().map(|(module, _)| module).filter(|module| !held.has_module(module));
            let hint = module.map(|module| format!(", and 'module:{}' is not granted", module.escape_debug()));
            not_found(name, &hint.unwrap_or_default())
        })
    }

    /// Is this the task's own module, or one that it is granted?
    pub(super) fn knows(&self, task: &TaskRecord, module: &ModuleInfo) -> bool {
        let is_granted = || task.spec.capabilities.has_module(&module.name);
        module.id == task.spec.module.id || is_granted() && self.modules.id_of(&module.name) == Some(module.id)
    }

    /// The actor of this name among those of a module, for the embedder.
    ///
    /// # Errors
    /// `ActorNotFound`.
    pub(crate) fn actor_of(&self, module: ModuleId, name: &Address) -> Result<ActorRef, TaskError> {
        let found = self.actors.names.find(module, name);
        found.ok_or_else(|| not_found(name, ""))
    }
}

fn not_found(name: &Address, hint: &str) -> TaskError {
    TaskError::new(ErrorKind::ActorNotFound, format!("no actor is named {name}{hint}"))
}

/// Says what is in reach, and nothing of what else there is.
fn denied(module: &str, held: &Capabilities) -> TaskError {
    if held.pure {
        let text = "a pure task, and what it submits, cannot call other modules: these may be replaced, and its result is kept";
        return TaskError::new(ErrorKind::CapabilityDenied, text);
    }
    let (module, names) = (module.escape_debug(), held.names());
    let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    let text = format!(
        "'module:{module}' is not granted (held: {names}): grant it with `--with {module}.wasm` on the command line, or with \
         `Capabilities::module` in a program"
    );
    TaskError::new(ErrorKind::CapabilityDenied, text)
}
