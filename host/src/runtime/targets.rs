//! What a name from a guest means: a function of its own module, or `MODULE:FUNCTION` of another that it may call.

use std::sync::Arc;

use super::Runtime;
use crate::state::task::TaskRecord;
use crate::words::capabilities::Capabilities;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::manifest::ModuleInfo;
use crate::words::module_name::split_module;

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
