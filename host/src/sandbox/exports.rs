//! The functions of a module that the host calls: found once for each module, by number from then on.

use std::sync::Arc;

use wasmtime::component::{Component, ComponentExportIndex, Instance, TypedFunc};
use wasmtime::{AsContextMut, Store};

use super::bindings::exports::rustyray::core::guest::Manifest;
use super::interfaces::{GUEST_INTERFACE, SERVER_INTERFACE};
use super::module_error::ModuleError;
use super::wire::{Encoding, Failure, Payload};

/// `describe`.
pub type DescribeFunc = TypedFunc<(), (Manifest,)>;
/// `construct`.
pub type ConstructFunc = TypedFunc<(Arc<str>, Arc<str>, Vec<Payload>), (Result<(), Failure>,)>;
/// `save`.
pub type SaveFunc = TypedFunc<(), (Result<Payload, Failure>,)>;
/// `restore`.
pub type RestoreFunc = TypedFunc<(Arc<str>, Payload), (Result<(), Failure>,)>;
/// `run-task` and `call`.
pub type CallFunc = TypedFunc<(Arc<str>, Vec<Payload>, Encoding), (Result<Payload, Failure>,)>;

/// `serve`.
pub type ServeFunc = TypedFunc<(), ()>;

/// Where a module's functions are.
pub struct GuestExports {
    pub describe: ComponentExportIndex,
    pub run_task: ComponentExportIndex,
    pub construct: ComponentExportIndex,
    pub call: ComponentExportIndex,
    pub save: ComponentExportIndex,
    pub restore: ComponentExportIndex,
    /// Of a module whose actors may serve several calls at once.
    pub serve: Option<ComponentExportIndex>,
}

impl GuestExports {
    /// Finds them.
    ///
    /// # Errors
    /// One is missing.
    pub fn of(component: &Component) -> Result<Self, ModuleError> {
        let interface = component.get_export_index(None, GUEST_INTERFACE);
        let find = |name: &str| {
            let missing = || ModuleError::Invalid(format!("{GUEST_INTERFACE} has another shape: it has no '{name}'"));
            component.get_export_index(interface.as_ref(), name).ok_or_else(missing)
        };
        let server = component.get_export_index(None, SERVER_INTERFACE);
        Ok(GuestExports {
            describe: find("describe")?,
            run_task: find("run-task")?,
            construct: find("construct")?,
            call: find("call")?,
            save: find("save")?,
            restore: find("restore")?,
            serve: server.and_then(|server| component.get_export_index(Some(&server), "serve")),
        })
    }

    /// Checks the types of all of them, and gives the one that is called first.
    ///
    /// # Errors
    /// One has another type.
    pub fn checked<T>(&self, instance: &Instance, store: &mut Store<T>) -> Result<DescribeFunc, ModuleError> {
        let mut store = store.as_context_mut();
        let mut check = || {
            let _: CallFunc = instance.get_typed_func(&mut store, self.run_task)?;
            let _: CallFunc = instance.get_typed_func(&mut store, self.call)?;
            let _: ConstructFunc = instance.get_typed_func(&mut store, self.construct)?;
            let _: SaveFunc = instance.get_typed_func(&mut store, self.save)?;
            let _: RestoreFunc = instance.get_typed_func(&mut store, self.restore)?;
            if let Some(serve) = self.serve {
                let _: ServeFunc = instance.get_typed_func(&mut store, serve)?;
            }
            instance.get_typed_func(&mut store, self.describe)
        };
        check().map_err(|error: wasmtime::Error| {
            ModuleError::Invalid(format!("{GUEST_INTERFACE} has another shape: {error:#}"))
        })
    }
}
