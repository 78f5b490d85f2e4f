//! The functions that a component exports by types of its own: their names, and which of them can be called.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex, ResourceType};

use super::function::{Part, PlainFunction};
use super::{leftovers, lifted, resources, text};
use crate::sandbox::convert::checked_name;
use crate::sandbox::manifest::check_bytes;
use crate::sandbox::module_error::ModuleError;
use crate::state::object::payload::Encoding;
use crate::types::limits::{ARGUMENTS_MAX, MANIFEST_ENTRIES_MAX};
use crate::types::manifest::{BY_TYPES, FunctionInfo, LeftOut, Manifest};
use crate::types::wit_name;

/// The functions that a component exports by types of its own.
#[derive(Default)]
pub struct PlainExports {
    functions: HashMap<Arc<str>, PlainFunction>,
    /// Of each resource.
    steps: Vec<Steps>,
    /// Those that cannot be called.
    left_out: Vec<LeftOut>,
}

impl PlainExports {
    /// Those whose arguments and results are values: functions at the top by their names, those of an interface as
    /// `interface.function`, or by more of their names where others would have the same one.
    pub fn of(component: &Component) -> Self {
        let (engine, ty) = (component.engine(), component.component_type());
        let mut found = Found::default();
        for (name, item) in ty.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(function) if !leftovers::is_function(name, &ty, engine) => {
                    found.add(name.to_owned(), component.get_export_index(None, name), function);
                }
                ComponentItem::ComponentInstance(interface) if !leftovers::is_interface(name, &interface, engine) => {
                    let outer = component.get_export_index(None, name);
                    for (inner, item) in interface.exports(engine) {
                        if let (ComponentItem::ComponentFunc(function), Some(outer)) = (item.ty, &outer) {
                            let index = component.get_export_index(Some(outer), inner);
                            found.add(wit_name::whole(name, inner), index, function);
                        }
                    }
                }
                _ => {}
            }
        }
        found.named()
    }

    /// Is there none that can be called?
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Those that cannot be called, and why.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// The function of this name.
    pub fn function(&self, name: &str) -> Option<&PlainFunction> {
        self.functions.get(name)
    }

    /// The steps by which a resource is made.
    pub fn steps(&self, resource: ResourceType) -> Option<&Steps> {
        self.steps.iter().find(|steps| steps.resource == resource)
    }

    /// What they are, as if the module had said it itself.
    ///
    /// # Errors
    /// The host would keep more of it than of a manifest.
    pub fn manifest(&self) -> Result<Manifest, ModuleError> {
        let left_out = self.left_out.clone();
        let (mut tasks, mut bytes) = (Vec::new(), left_out.iter().map(LeftOut::kept_bytes).sum());
        for (name, function) in &self.functions {
            tasks.push(function.info(name));
            bytes += tasks.last().map_or(0, FunctionInfo::kept_bytes);
            check_bytes(bytes)?;
        }
        tasks.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(Manifest { sdk: BY_TYPES.to_owned(), encoding: Encoding::Json, tasks, actors: Vec::new(), left_out })
    }
}

/// The functions of one resource, to be found by their names: an argument may have a million steps, and a component thousands of functions.
pub struct Steps {
    resource: ResourceType,
    /// What gives one.
    makers: HashMap<Box<str>, PlainFunction>,
    /// What is called on one that is there.
    methods: HashMap<Box<str>, PlainFunction>,
}

impl Steps {
    fn new(resource: ResourceType) -> Self {
        Steps { resource, makers: HashMap::new(), methods: HashMap::new() }
    }

    /// Of all resources that these functions are for.
    fn all<'a>(functions: impl Iterator<Item = &'a PlainFunction>) -> Vec<Steps> {
        let mut all: Vec<Steps> = Vec::new();
        for function in functions {
            let Some(Part { resource, step, is_method }) = &function.part else { continue };
            let index = all.iter().position(|steps| steps.resource == *resource).unwrap_or_else(|| {
                all.push(Steps::new(*resource));
                all.len() - 1
            });
            let steps = &mut all[index];
            let named = if *is_method { &mut steps.methods } else { &mut steps.makers };
            named.entry(step.clone()).or_insert_with(|| function.clone());
        }
        all
    }

    /// The function of a step by which the resource is made, or one that is there is called.
    pub fn get(&self, step: &str, is_method: bool) -> Option<&PlainFunction> {
        if is_method { self.methods.get(step) } else { self.makers.get(step) }
    }
}

/// Functions by their whole names, before each has the one that it is called by.
#[derive(Default)]
struct Found {
    functions: Vec<(String, PlainFunction)>,
    left_out: Vec<LeftOut>,
}

impl Found {
    fn add(&mut self, name: String, index: Option<ComponentExportIndex>, ty: ComponentFunc) {
        // As many as a manifest has: the rest would be refused there.
        if self.functions.len() + self.left_out.len() >= MANIFEST_ENTRIES_MAX {
            return;
        }
        match (why_not(&name, &ty), index) {
            (None, Some(index)) => {
                let wit_name = name.contains(['#', '[']).then(|| name.as_str().into());
                let part = part(&name, &ty);
                let bytes_each = ty.results().next().as_ref().map_or(1, lifted::bytes_each);
                self.functions.push((name, PlainFunction { index, ty, bytes_each, wit_name, part }));
            }
            (Some(reason), _) => self.left_out.push(LeftOut { name: text::name(&name), reason }),
            (None, None) => {}
        }
    }

    /// Each has the shortest of its names that means it alone.
    fn named(self) -> PlainExports {
        let mut meant: HashMap<String, usize> = HashMap::new();
        for (name, _) in &self.functions {
            for form in forms(name) {
                *meant.entry(form).or_default() += 1;
            }
        }
        let alone = |name: &str| forms(name).find(|form| meant.get(form) == Some(&1));
        let steps = Steps::all(self.functions.iter().map(|(_, function)| function));
        let functions = self.functions.into_iter().map(|(name, function)| {
            let shortest = alone(&name).unwrap_or(name);
            (shortest.into(), function)
        });
        PlainExports { functions: functions.collect(), steps, left_out: self.left_out }
    }
}

/// The names that a function may be called by, each once, the shortest first.
fn forms(name: &str) -> impl Iterator<Item = String> + use<> {
    let mut forms = vec![wit_name::short(name), wit_name::unversioned(name), name.to_owned()];
    forms.dedup();
    forms.into_iter()
}

/// Why a function cannot be called, if it cannot.
fn why_not(name: &str, ty: &ComponentFunc) -> Option<String> {
    if let Err(why) = checked_name(name.to_owned()) {
        return Some(why);
    }
    let parameters = ty.params().len();
    if parameters > ARGUMENTS_MAX {
        return Some(format!("it takes {parameters} arguments, and a task at most {ARGUMENTS_MAX}"));
    }
    if ty.async_() {
        return Some("it is async, and this host calls functions that are not".to_owned());
    }
    let result = ty.results().next();
    let result = match &result {
        Some(Type::Result(result)) => vec![result.ok(), result.err()],
        _ => vec![result],
    };
    // A handle may be an argument, or the result: nobody could write what it is in.
    let mut types = ty.params().map(|(_, ty)| ty).chain(result.into_iter().flatten());
    types.find_map(|ty| text::why_no_value(&ty).filter(|_| resources::of(&ty).is_none())).map(str::to_owned)
}

/// What a function does for a resource, if it makes one or is a method of one.
fn part(name: &str, ty: &ComponentFunc) -> Option<Part> {
    let (method_of, given) = (resources::method_of(name, ty), resources::given_by(ty));
    let (resource, is_method) = (method_of.or(given)?, method_of.is_some());
    Some(Part { resource, step: resources::step_name(name).into(), is_method })
}
