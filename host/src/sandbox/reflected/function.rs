//! A function that a component exports by types of its own: its arguments and its result.

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{ComponentExportIndex, ResourceType, Val};

use super::budget::Budget;
use super::steps::Step;
use super::{binary, json, json_text, json_tree, resources, text};
use crate::state::object::payload::{Encoding, Held, Payload};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::WIT_VALUES_A_LOOK;
use crate::types::manifest::{FunctionInfo, ParameterInfo};
use crate::types::options::TaskOptions;

/// A function that a component exports by types of its own.
#[derive(Clone)]
pub struct PlainFunction {
    pub index: ComponentExportIndex,
    /// What it takes and gives, which stands in the component once for all functions of this type: a hundred kilobytes of names, that
    /// thousands of exports share, would else be copied for each.
    pub(super) ty: ComponentFunc,
    /// See [`lifted::bytes_each`].
    pub(super) bytes_each: usize,
    /// Its whole name in WIT, where that is not the one that it is called by.
    pub(super) wit_name: Option<Arc<str>>,
    /// What it is where a resource is made step by step.
    pub(super) part: Option<Part>,
}

/// What a function does for a resource.
#[derive(Clone)]
pub(super) struct Part {
    pub resource: ResourceType,
    pub step: Box<str>,
    /// Is it called on one that is there, and does not give one?
    pub is_method: bool,
}

/// An argument of a function.
pub enum Argument {
    /// As it was given.
    Value(Val),
    /// A resource, and the calls that make it.
    Made(ResourceType, Vec<Step>),
}

impl PlainFunction {
    pub(super) fn info(&self, name: &Arc<str>) -> FunctionInfo {
        let parameter = |(name, ty): (&str, Type)| ParameterInfo { name: text::name(name), type_name: text::of(&ty) };
        FunctionInfo {
            name: name.clone(),
            wit_name: self.wit_name.clone(),
            parameters: self.ty.params().map(parameter).collect(),
            result_type: self.result().as_ref().map_or_else(|| "()".to_owned(), text::of),
            options: TaskOptions::new(),
            pure: false,
            streams: false,
            docs: String::new(),
        }
    }

    /// The arguments as the component takes them, or how they are made.
    ///
    /// # Errors
    /// `InvalidArgument`: one is not of its type.
    pub fn arguments(&self, arguments: &[Held], budget: &mut Budget<'_>) -> Result<Vec<Argument>, TaskError> {
        let read = |((name, ty), argument): ((&str, Type), &Held)| {
            let read = match resources::of(&ty) {
                Some(resource) => Step::all(argument.payload(), budget).map(|steps| Argument::Made(resource, steps)),
                None => read(argument.payload(), &ty, budget).map(Argument::Value),
            };
            read.map_err(|why| {
                let (name, ty) = (text::brief_name(name), text::brief(&ty));
                TaskError::new(ErrorKind::InvalidArgument, format!("argument `{name}` ({ty}): {why}"))
            })
        };
        self.ty.params().zip(arguments).map(read).collect()
    }

    fn result(&self) -> Option<Type> {
        self.ty.results().next()
    }

    /// How many bytes of memory its result takes at most for each that the engine counts.
    pub fn result_bytes_each(&self) -> usize {
        self.bytes_each
    }

    /// The types of its parameters.
    pub fn parameters(&self) -> impl Iterator<Item = Type> {
        self.ty.params().map(|(_, ty)| ty)
    }

    /// The handle among what the function gave.
    ///
    /// # Errors
    /// `TaskFailed`: it gave an error instead.
    pub fn handle(&self, results: &[Val], budget: &mut Budget<'_>) -> Result<Val, TaskError> {
        match results.first() {
            Some(Val::Resource(handle)) => Ok(Val::Resource(*handle)),
            Some(Val::Result(Ok(Some(inner)))) => Ok((**inner).clone()),
            _ => self
                .value(results, Encoding::Json, budget)
                .and_then(|_| Err(TaskError::new(ErrorKind::Internal, "it gave no resource"))),
        }
    }

    /// Room for what the function gives.
    pub fn results(&self) -> Vec<Val> {
        self.ty.results().map(|_| Val::Bool(false)).collect()
    }

    /// What the function gave, as the value of its task: of a `result` what is in it.
    ///
    /// # Errors
    /// `TaskFailed`, with what an `err` holds.
    pub fn value(&self, results: &[Val], reply: Encoding, budget: &mut Budget<'_>) -> Result<Payload, TaskError> {
        let (Some(ty), Some(value)) = (self.result(), results.first()) else {
            return Ok(nothing(reply));
        };
        if resources::of(&ty).is_some() {
            return Ok(nothing(reply));
        }
        let (Type::Result(ty), Val::Result(value)) = (&ty, value) else {
            return write(value, &ty, reply, budget);
        };
        match value {
            Ok(value) => match (value, ty.ok()) {
                (Some(value), Some(ty)) if resources::of(&ty).is_none() => write(value, &ty, reply, budget),
                _ => Ok(nothing(reply)),
            },
            Err(error) => {
                let text = failure(error.as_deref(), ty.err().as_ref(), budget);
                Err(TaskError::new(ErrorKind::TaskFailed, text))
            }
        }
    }
}

/// What is in an `err`, in words.
fn failure(error: Option<&Val>, ty: Option<&Type>, budget: &mut Budget<'_>) -> String {
    match (error, ty) {
        (Some(Val::String(text)), _) => text::name(text),
        (Some(error), Some(ty)) => json_text::write(error, ty, budget).unwrap_or_else(|why| why),
        _ => "it returned an error without a value".to_owned(),
    }
}

pub(super) fn read(payload: &Payload, ty: &Type, budget: &mut Budget<'_>) -> Result<Val, String> {
    if !payload.references.is_empty() {
        return Err("it holds references, which mean nothing to this component: pass the value".to_owned());
    }
    match payload.encoding {
        Encoding::Json => json_tree::with_tree(&payload.data, budget, |value, budget| json::read(value, ty, budget)),
        Encoding::Bincode => binary::read(&payload.data, ty, budget),
        Encoding::Raw => bytes(&payload.data, ty, budget),
    }
}

/// Plain bytes are a `list<u8>` and nothing else.
fn bytes(data: &[u8], ty: &Type, budget: &mut Budget<'_>) -> Result<Val, String> {
    match ty {
        Type::List(list) if list.ty() == Type::U8 => {
            let mut values = budget.list(data.len())?;
            for some in data.chunks(WIT_VALUES_A_LOOK) {
                budget.take(some.len())?;
                values.extend(some.iter().map(|byte| Val::U8(*byte)));
            }
            Ok(Val::List(values))
        }
        _ => Err("plain bytes were given".to_owned()),
    }
}

pub(super) fn write(value: &Val, ty: &Type, reply: Encoding, budget: &mut Budget<'_>) -> Result<Payload, TaskError> {
    let wrong = |why| TaskError::new(ErrorKind::Internal, format!("the result is not of its type: {why}"));
    let data = match (reply, value, ty) {
        // As guests of the SDK do it, whatever is asked for.
        (Encoding::Bincode | Encoding::Raw, Val::List(items), Type::List(list)) if list.ty() == Type::U8 => {
            let byte = |item: &Val| if let Val::U8(byte) = item { *byte } else { 0 };
            budget.keep(items.len()).map_err(wrong)?;
            let mut bytes = Vec::with_capacity(items.len());
            for some in items.chunks(WIT_VALUES_A_LOOK) {
                budget.step(some.len()).map_err(wrong)?;
                bytes.extend(some.iter().map(byte));
            }
            return Ok(Payload::new(Encoding::Raw, bytes));
        }
        (Encoding::Json, ..) => json_text::write(value, ty, budget).map(String::into_bytes),
        (Encoding::Bincode | Encoding::Raw, ..) => binary::write(value, ty, budget),
    };
    let encoding = if reply == Encoding::Json { Encoding::Json } else { Encoding::Bincode };
    data.map(|data| Payload::new(encoding, data)).map_err(wrong)
}

pub(super) fn nothing(reply: Encoding) -> Payload {
    match reply {
        Encoding::Json => Payload::new(Encoding::Json, "null"),
        Encoding::Bincode | Encoding::Raw => Payload::new(Encoding::Bincode, ""),
    }
}
