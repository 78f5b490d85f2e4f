//! Loading a module: what it is, what it offers, and the code, compiled and linked as far as can be without a guest.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use super::code_room::CodeRoom;
use super::compiler::NativeCode;
use super::engine::Sandbox;
use super::exports::GuestExports;
use super::ground::Ground;
use super::guest::Guest;
use super::interfaces::GUEST_INTERFACE;
use super::module_error::ModuleError;
use super::reflected::PlainExports;
use super::weight::Weight;
use super::{ground, prevalidation, refusal};
use crate::types::error::shorten;
use crate::types::limits::{ERROR_TEXT_MAX, MODULE_BYTES_MAX, MODULE_ITEMS_MAX, SMALL_MODULE_BYTES};
use crate::types::manifest::{LeftOut, Manifest};
use crate::types::module_info::ModuleInfo;

/// The interface that makes a component a command.
const RUN_INTERFACE: &str = "wasi:cli/run@0.2.";

/// A module that is about to be compiled: it is laid out so that the compiler can cope with it.
pub struct CheckedModule {
    bytes: Vec<u8>,
    weight: Weight,
}

impl CheckedModule {
    /// Looks at it without parsing it, in time of its length.
    ///
    /// # Errors
    /// Why these bytes are no module, or one that would take too much to compile.
    pub fn check(bytes: Vec<u8>) -> Result<Self, ModuleError> {
        check_header(&bytes)?;
        let weight = prevalidation::check(&bytes)?;
        if weight.items > MODULE_ITEMS_MAX {
            return Err(ModuleError::TooManyItems(weight.items));
        }
        weight.check()?;
        Ok(CheckedModule { bytes, weight })
    }

    /// Does it take longer, and more memory, to compile than most?
    pub fn is_large(&self) -> bool {
        self.bytes.len() > SMALL_MODULE_BYTES || self.weight.is_large()
    }

    /// As they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The code of a module.
pub struct LoadedModule {
    pub(super) pre: InstancePre<Guest>,
    /// The exports of a module of tasks and actors.
    pub(super) guest: Option<GuestExports>,
    /// The exports of a component that is no such module.
    pub(super) plain: PlainExports,
    /// The export of a command.
    pub(super) run: Option<ComponentExportIndex>,
    /// Their names are as long as the component likes, up to [`INSTANTIATED_BYTES_MAX`](crate::limits::INSTANTIATED_BYTES_MAX) together.
    imports: Arc<[String]>,
    kept: Kept,
    _room: CodeRoom,
}

/// Where a module's native code is kept, or why not; none where it is to be kept nowhere.
type Kept = Option<Result<PathBuf, String>>;

impl LoadedModule {
    /// What runs a module of this host.
    pub fn code_of(module: &ModuleInfo) -> Option<Arc<Self>> {
        module.code.clone().downcast().ok()
    }

    /// The module that this code is: linked as far as can be without a guest, and kept for the next host.
    ///
    /// # Errors
    /// Why it is no module.
    pub fn of_code(
        sandbox: &Sandbox,
        name: &str,
        module: &CheckedModule,
        code: &NativeCode,
    ) -> Result<Self, ModuleError> {
        let ground = if code.is_concurrent { Self::concurrent(sandbox)? } else { &sandbox.ground };
        let room = sandbox.code.take(code.bytes.len() as u64)?;
        let component = loaded(&ground.engine, &code.bytes)?;
        let kept = sandbox.cache.as_ref().map(|cache| {
            let kept = cache.keep_compiled(name, &module.bytes, &ground.engine, &code.bytes);
            kept.map_err(|error| format!("its native code cannot be kept in '{}': {error}", cache.folder().display()))
        });
        Self::of(ground, component, kept, room)?.checked(code.is_concurrent)
    }

    /// The module if it was compiled before: it is mapped, which takes no time to speak of.
    ///
    /// # Errors
    /// Why it is no module.
    pub fn compiled_before(sandbox: &Sandbox, module: &CheckedModule) -> Option<Result<Self, ModuleError>> {
        let cache = sandbox.cache.as_ref()?;
        if let Some((component, place)) = cache.found(&sandbox.ground.engine, &module.bytes) {
            return Some(Self::mapped(sandbox, &sandbox.ground, component, place));
        }
        // The engine of the others is made when there is one.
        if !cache.has(&ground::compiling(true).ok()?, &module.bytes) {
            return None;
        }
        let ground = Self::concurrent(sandbox).ok()?;
        let (component, place) = cache.found(&ground.engine, &module.bytes)?;
        Some(Self::mapped(sandbox, ground, component, place).and_then(|code| code.checked(true)))
    }

    /// The module whose code is in this file.
    fn mapped(sandbox: &Sandbox, ground: &Ground, component: Component, place: PathBuf) -> Result<Self, ModuleError> {
        let room = sandbox.code.take(place.metadata()?.len())?;
        Self::of(ground, component, Some(Ok(place)), room)
    }

    /// The engine of components that have async functions.
    fn concurrent(sandbox: &Sandbox) -> Result<&Ground, ModuleError> {
        sandbox.concurrent().map_err(|why| {
            ModuleError::Unsupported(format!("async functions, for which the machine has no room left ({why})"))
        })
    }

    /// What a component with async functions is good for is its other functions: programs, and modules of tasks, are made without.
    fn checked(self, is_concurrent: bool) -> Result<Self, ModuleError> {
        match is_concurrent && (self.guest.is_some() || self.run.is_some()) {
            true => Err(ModuleError::Unsupported(
                "async functions of components, in a program or a module of tasks".to_owned(),
            )),
            false => Ok(self),
        }
    }

    fn of(ground: &Ground, component: Component, kept: Kept, room: CodeRoom) -> Result<Self, ModuleError> {
        let plain = PlainExports::of(&component);
        let (has_guest, run_name) = exports(&component, &plain)?;
        let pre = ground.linker.instantiate_pre(&component).map_err(|error| {
            let missing = || ModuleError::MissingImport(shorten(format!("{error:#}"), ERROR_TEXT_MAX));
            refusal::other_wasi(&component).unwrap_or_else(missing)
        })?;
        let guest = has_guest.then(|| GuestExports::of(&component)).transpose()?;
        let run = run_name.and_then(|name| {
            let (_, interface) = component.get_export(None, &name)?;
            component.get_export(Some(&interface), "run").map(|(_, index)| index)
        });
        let engine = &ground.engine;
        let imports = component.component_type().imports(engine).map(|(name, _)| name.to_owned()).collect();
        let plain = if has_guest { PlainExports::default() } else { plain };
        Ok(LoadedModule { pre, guest, plain, run, imports, kept, _room: room })
    }

    /// Has it a `main`?
    pub fn has_main(&self) -> bool {
        self.run.is_some()
    }

    /// Does it tell what it offers when it is asked?
    pub fn has_manifest(&self) -> bool {
        self.guest.is_some()
    }

    /// What its types say that it offers, where that is anything.
    ///
    /// # Errors
    /// It is more than the host keeps.
    pub fn plain_manifest(&self) -> Result<Option<Manifest>, ModuleError> {
        (!self.plain.is_empty()).then(|| self.plain.manifest()).transpose()
    }

    /// Where its native code is kept, or why not; none where it is to be kept nowhere.
    pub fn kept(&self) -> Option<Result<&Path, &str>> {
        self.kept.as_ref().map(|kept| kept.as_deref().map_err(|why| &**why))
    }

    /// The interfaces that it imports.
    pub fn imports(&self) -> &Arc<[String]> {
        &self.imports
    }
}

impl fmt::Debug for LoadedModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedModule").field("imports", &self.imports).finish_non_exhaustive()
    }
}

/// Maps the code that the compiler gave.
fn loaded(engine: &Engine, code: &[u8]) -> Result<Component, ModuleError> {
    #[expect(unsafe_code, reason = "native code is what the compiler of this host gave")]
    // SAFETY: The code comes from `precompile_component`, in this process or, through a pipe that nobody else has, in one that this host
    // has started with the embedder's program. The engine checks that the version and the settings are its own.
    let component = unsafe { Component::deserialize(engine, code) };
    component.map_err(|error| match refusal::of(&error) {
        // More of something than an instance has.
        lacking @ ModuleError::Unsupported(_) => lacking,
        _ => ModuleError::Compiler(format!("its code is not for this host: {error:#}")),
    })
}

/// Tells the ordinary mistakes apart before the compiler speaks.
fn check_header(bytes: &[u8]) -> Result<(), ModuleError> {
    match bytes {
        _ if bytes.len() as u64 > MODULE_BYTES_MAX => Err(ModuleError::TooLarge(bytes.len() as u64)),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(ModuleError::CoreModule),
        [0, b'a', b's', b'm', ..] => Ok(()),
        [] => Err(ModuleError::NotWasm("nothing: the file is empty".to_owned())),
        _ => {
            let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).escape_debug().to_string();
            Err(ModuleError::NotWasm(format!("\"{start}\"")))
        }
    }
}

/// Is it a module of tasks, and what is the name of its `run` interface?
fn exports(component: &Component, plain: &PlainExports) -> Result<(bool, Option<String>), ModuleError> {
    let ty = component.component_type();
    let names: Vec<String> = ty
        .exports(component.engine())
        .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentInstance(_)))
        .map(|(name, _)| name.to_owned())
        .collect();
    let has_guest = names.iter().any(|name| name == GUEST_INTERFACE);
    let run = names.iter().find(|name| name.starts_with(RUN_INTERFACE)).cloned();
    let other = names.iter().find(|name| name.starts_with("rustyray:core/guest@") && *name != GUEST_INTERFACE);
    match other {
        Some(other) if !has_guest => Err(ModuleError::OtherVersion(other.clone())),
        _ if !has_guest && run.is_none() && plain.is_empty() => {
            let nothing = || ModuleError::NothingToRun(listed(names, plain.left_out()));
            Err(refusal::other_wasi(component).unwrap_or_else(nothing))
        }
        _ => Ok((has_guest, run)),
    }
}

/// What it exports, in words, where there is nothing to run.
fn listed(interfaces: Vec<String>, left_out: &[LeftOut]) -> String {
    let left_out = left_out.iter().map(ToString::to_string);
    let all: Vec<String> = interfaces.into_iter().chain(left_out).collect();
    match all.is_empty() {
        true => "no interface".to_owned(),
        false => shorten(all.join(", "), ERROR_TEXT_MAX),
    }
}
