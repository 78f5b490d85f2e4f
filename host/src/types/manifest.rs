//! What a module says that it offers, checked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::encoding::Encoding;
use super::limits::{IMPORT_NAME_COPIES, MANIFEST_TEXT_BYTES, PLAN_BYTES};
use super::options::{ActorOptions, TaskOptions};
use super::wit_name::fit;

/// What a module offers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Manifest {
    /// The SDK that made it.
    pub sdk: String,
    /// How it wants the values that it asks for to be encoded.
    pub encoding: Encoding,
    /// Its remote functions.
    pub tasks: Vec<FunctionInfo>,
    /// Its actors.
    pub actors: Vec<ActorTypeInfo>,
    /// Functions that a component which no SDK made exports, and that cannot be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A function that cannot be called.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// Its whole name, as WIT has it.
    pub name: String,
    /// Why it cannot.
    pub reason: String,
}

impl LeftOut {
    /// Bytes that the host keeps of it.
    pub(crate) fn kept_bytes(&self) -> u64 {
        size_of::<LeftOut>() as u64 + kept(&self.name) + kept(&self.reason)
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}

/// Functions that are named where a name means several.
const MEANT_SHOWN_MAX: usize = 8;

/// The SDK of a component that was made with none.
pub(crate) const BY_TYPES: &str = "none, by its types";

impl Manifest {
    /// Does the component know nothing of this host, so that the manifest is that of its exports, and all types are WIT's?
    pub fn is_by_types(&self) -> bool {
        self.sdk == BY_TYPES
    }

    /// Bytes that the host keeps of it as long as this version of its module: its texts, and what is known of each function and its runs.
    pub fn kept_bytes(&self) -> u64 {
        let functions: u64 = self.functions().map(FunctionInfo::kept_bytes).sum();
        let actors: u64 = self.actors.iter().map(ActorTypeInfo::own_bytes).sum();
        let left_out: u64 = self.left_out.iter().map(LeftOut::kept_bytes).sum();
        self.sdk.len() as u64 + functions + actors + left_out
    }

    /// The task of this name, or the one that is meant by it.
    pub(crate) fn task(&self, name: &str) -> Option<&FunctionInfo> {
        let exact = self.tasks.iter().find(|task| &*task.name == name);
        exact.or_else(|| match self.meant(name)[..] {
            [one] => Some(one),
            _ => None,
        })
    }

    /// Why there is no task of this name, where more is known than that.
    pub fn why_not(&self, name: &str) -> Option<String> {
        let meant = self.meant(name);
        if meant.len() > 1 {
            let names: Vec<_> = meant.iter().take(MEANT_SHOWN_MAX).map(|task| &*task.name).collect();
            return Some(format!("several functions are meant by it: write one of {}", names.join(", ")));
        }
        let left_out = self.left_out.iter().find(|one| fit(&one.name, name).is_some())?;
        Some(format!("{} cannot be called: {}", left_out.name, left_out.reason))
    }

    /// The tasks that this name of WIT fits best.
    fn meant(&self, name: &str) -> Vec<&FunctionInfo> {
        if !self.is_by_types() {
            return Vec::new();
        }
        let fits = || self.tasks.iter().filter_map(|task| Some((fit(task.wit_name.as_deref()?, name)?, task)));
        let best = fits().map(|(fit, _)| fit).min();
        fits().filter(|(fit, _)| Some(*fit) == best).map(|(_, task)| task).collect()
    }

    /// All that run: tasks, constructors and methods.
    fn functions(&self) -> impl Iterator<Item = &FunctionInfo> {
        let of_actors = self.actors.iter().flat_map(|actor| actor.constructors.iter().chain(&actor.methods));
        self.tasks.iter().chain(of_actors)
    }

    /// Lowers the priorities that it declares, where they are higher, and keeps them among those that guests have.
    pub(crate) fn cap_priorities(&mut self, highest: i32) {
        let of_actors = self.actors.iter_mut().flat_map(|actor| {
            let functions = actor.constructors.iter_mut().chain(&mut actor.methods);
            functions.map(|function| &mut function.options).chain([&mut actor.options.call])
        });
        let all = self.tasks.iter_mut().map(|task| &mut task.options).chain(of_actors);
        all.for_each(|options| options.cap_priority(highest));
    }
}

/// A remote function, a constructor or a method.
#[derive(Clone, Debug, Serialize)]
pub struct FunctionInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Its whole name in WIT, where the component that exports it was made with no SDK: `docs:calculator/ops@0.1.0#add`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wit_name: Option<Arc<str>>,
    /// Its parameters.
    pub parameters: Vec<ParameterInfo>,
    /// The result's type as the source spells it.
    pub result_type: String,
    /// What it declares for each run.
    pub options: TaskOptions,
    /// Does its result depend on nothing but its arguments? It runs without capabilities then, and where the host has a
    /// [journal](crate::HostBuilder::journal) it is not run again. What an embedder's own imports tell it is the
    /// embedder's business.
    pub pure: bool,
    /// Does it give its results one after the other, as a [stream](crate::TaskCall::stream)? The result's type is then that
    /// of an item.
    pub streams: bool,
    /// The first paragraph of its documentation.
    pub docs: String,
}

impl FunctionInfo {
    /// A function that no manifest declares: the module's `main`, or the host's own.
    pub(crate) fn of_host(name: &str) -> Self {
        FunctionInfo {
            name: name.into(),
            wit_name: None,
            parameters: Vec::new(),
            result_type: String::new(),
            options: TaskOptions::new(),
            pure: false,
            streams: false,
            docs: String::new(),
        }
    }
}

impl FunctionInfo {
    /// With its plan, of which those of an actor's are made for each of its types. What the options name stands in both.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let parameter =
            |one: &ParameterInfo| kept(&one.name) + kept(&one.type_name) + size_of::<ParameterInfo>() as u64;
        let parameters: u64 = self.parameters.iter().map(parameter).sum();
        let wit_name = self.wit_name.as_deref().map_or(0, kept);
        let texts = 2 * kept(&self.name) + wit_name + kept(&self.result_type) + kept(&self.docs) + parameters;
        size_of::<FunctionInfo>() as u64 + texts + PLAN_BYTES + 2 * self.options.kept_bytes()
    }
}

/// Bytes of a text of its own.
fn kept(text: &str) -> u64 {
    text.len() as u64 + MANIFEST_TEXT_BYTES
}

/// Bytes that are kept of the names of a module's imports.
pub(crate) fn kept_of_imports(names: &[String]) -> u64 {
    names.iter().map(|name| size_of::<String>() as u64 + IMPORT_NAME_COPIES * kept(name)).sum()
}

impl fmt::Display for FunctionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {}", parameter.name, parameter.type_name)?;
        }
        let several = if self.streams { "stream of " } else { "" };
        write!(f, ") -> {several}{}", self.result_type)
    }
}

/// A parameter of a function.
#[derive(Clone, Debug, Serialize)]
pub struct ParameterInfo {
    /// Its name.
    pub name: String,
    /// Its type as the source spells it.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// An actor type.
#[derive(Clone, Debug, Serialize)]
pub struct ActorTypeInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Its constructors; `new` first, if there is one.
    pub constructors: Vec<FunctionInfo>,
    /// Its methods.
    pub methods: Vec<FunctionInfo>,
    /// What it declares for each actor.
    pub options: ActorOptions,
    /// Does it save its state? After so many calls, and when it ends in order; with 0 only when it ends or asks for it.
    pub checkpoint: Option<u32>,
    /// Methods whose calls are counted for themselves, where it serves several calls at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ConcurrencyGroup>,
    /// The first paragraph of its documentation.
    pub docs: String,
}

/// Methods of an actor's type whose calls do not count among the others.
#[derive(Clone, Debug, Serialize)]
pub struct ConcurrencyGroup {
    /// Its name.
    pub name: Arc<str>,
    /// Calls of its methods that are served at once.
    pub max_concurrency: u32,
    /// The names of its methods.
    pub methods: Vec<Arc<str>>,
}

impl ActorTypeInfo {
    /// Without its functions, but with what their plans have of it: what its options name stands in each.
    fn own_bytes(&self) -> u64 {
        let names = |group: &ConcurrencyGroup| (group.methods.len() * size_of::<Arc<str>>()) as u64;
        let groups =
            self.groups.iter().map(|group| size_of::<ConcurrencyGroup>() as u64 + kept(&group.name) + names(group));
        let texts = [&self.options.name, &self.options.namespace].into_iter().flatten().map(|text| kept(text));
        let functions = (self.constructors.len() + self.methods.len()) as u64;
        let named = functions * (kept(&self.name) + self.options.call.kept_bytes()) + self.options.call.kept_bytes();
        let own = size_of::<ActorTypeInfo>() as u64 + kept(&self.name) + kept(&self.docs);
        own + groups.sum::<u64>() + texts.sum::<u64>() + named
    }

    /// May it serve several calls at once?
    pub fn serves_several(&self) -> bool {
        self.options.max_concurrency.is_some() || !self.groups.is_empty()
    }

    /// The lanes of the methods that are in a group; the others' calls wait in the first.
    pub(crate) fn lanes(&self) -> HashMap<&str, usize> {
        let groups = self.groups.iter().zip(1..);
        let mut lanes = HashMap::new();
        for (name, lane) in groups.flat_map(|(group, lane)| group.methods.iter().map(move |name| (name, lane))) {
            lanes.entry(&**name).or_insert(lane);
        }
        lanes
    }

    /// The lane that a method's calls wait in: that of its group, or the first, of all that are in none.
    pub(crate) fn lane(&self, method: &str) -> usize {
        let in_it = |group: &ConcurrencyGroup| group.methods.iter().any(|name| **name == *method);
        self.groups.iter().position(in_it).map_or(0, |group| group + 1)
    }

    /// The constructor of this name.
    pub fn constructor(&self, name: &str) -> Option<&FunctionInfo> {
        self.constructors.iter().find(|function| &*function.name == name)
    }

    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&FunctionInfo> {
        self.methods.iter().find(|function| &*function.name == name)
    }
}
