//! Resources that a component exports.
//!
//! A handle of one lives as long as its instance, which is that of one call. So an argument that is a handle is written as how it is
//! made, there and then: `[{"new": [5]}, {"add": [3]}]` is what the constructor gives for 5, after its method `add` was called with 3.

use serde_json::Value;
use wasmtime::component::types::{ComponentFunc, Type};
use wasmtime::component::{ResourceType, Val};

use super::budget::Budget;
use super::{PlainFunction, text};
use crate::state::object::payload::{Encoding, Payload};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::WIT_STEP_VALUES;

/// What a handle's argument has to be.
const STEPS: &str = "a resource is written as the calls that make it, with their arguments: [{\"new\": [5]}, {\"add\": [3]}], \
                     first what gives it, and then methods of it";

/// One of the calls that make a resource.
pub struct Step {
    pub name: String,
    arguments: Vec<Value>,
}

impl Step {
    /// The calls, from an argument: JSON, or a string of it.
    ///
    /// # Errors
    /// It is none of them.
    pub fn all(payload: &Payload, budget: &mut Budget<'_>) -> Result<Vec<Step>, String> {
        let wrong = || STEPS.to_owned();
        let value: Value = match payload.encoding {
            Encoding::Json => super::json_tree::read(&payload.data, budget)?,
            Encoding::Bincode => match super::binary::read(&payload.data, &Type::String, budget)? {
                Val::String(text) => super::json_tree::read(text.as_bytes(), budget)?,
                _ => return Err(wrong()),
            },
            Encoding::Raw => return Err(wrong()),
        };
        match value {
            Value::Array(steps) if !steps.is_empty() => {
                let mut all = budget.list(steps.len())?;
                for step in steps {
                    all.push(Step::one(step).ok_or_else(wrong)?);
                }
                Ok(all)
            }
            _ => Err(wrong()),
        }
    }

    /// `{"add": [3]}`, or `"increment"` for `{"increment": []}`.
    fn one(value: Value) -> Option<Step> {
        match value {
            Value::String(name) => Some(Step { name, arguments: Vec::new() }),
            Value::Object(one) if one.len() == 1 => match one.into_iter().next()? {
                (name, Value::Array(arguments)) => Some(Step { name, arguments }),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the function of this step is called with, for the resource if it is there already.
    ///
    /// # Errors
    /// `InvalidArgument`: they are not of their types, or not as many.
    pub fn given(
        &self,
        function: &PlainFunction,
        handle: Option<&Val>,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<Val>, TaskError> {
        let wrong = |why: String| {
            TaskError::new(ErrorKind::InvalidArgument, format!("`{}`: {why}", text::brief_name(&self.name)))
        };
        let types: Vec<_> = function.ty.params().map(|(_, ty)| ty).skip(usize::from(handle.is_some())).collect();
        if types.len() != self.arguments.len() {
            return Err(wrong(format!("it takes {} arguments, and {} were given", types.len(), self.arguments.len())));
        }
        budget.step(WIT_STEP_VALUES).map_err(wrong)?;
        let mut given: Vec<Val> = handle.into_iter().cloned().collect();
        for (value, ty) in self.arguments.iter().zip(&types) {
            given.push(super::json::read(value, ty, budget).map_err(wrong)?);
        }
        Ok(given)
    }
}

/// The resource that a type is a handle of.
pub fn of(ty: &Type) -> Option<ResourceType> {
    match ty {
        Type::Own(resource) | Type::Borrow(resource) => Some(*resource),
        _ => None,
    }
}

/// The resource that a function gives, perhaps as the `ok` of a result.
pub fn given_by(ty: &ComponentFunc) -> Option<ResourceType> {
    match ty.results().next()? {
        Type::Result(result) => result.ok().as_ref().and_then(of),
        ty => of(&ty),
    }
}

/// The resource that a function is a method of.
pub fn method_of(name: &str, ty: &ComponentFunc) -> Option<ResourceType> {
    let own_name = name.rsplit('#').next().unwrap_or(name);
    let first = ty.params().next().filter(|_| own_name.starts_with("[method]"));
    first.and_then(|(_, ty)| of(&ty))
}

/// What a function is called as a step: `new`, `add`.
pub fn step_name(name: &str) -> &str {
    let own_name = name.rsplit('#').next().unwrap_or(name);
    match own_name.split_once(']') {
        Some(("[constructor", _)) => "new",
        Some((_, rest)) => rest.split_once('.').map_or(rest, |(_, step)| step),
        None => own_name,
    }
}

/// The handle among what a function gave.
///
/// # Errors
/// `TaskFailed`: it gave an error instead.
pub fn handle(function: &PlainFunction, results: &[Val], budget: &mut Budget<'_>) -> Result<Val, TaskError> {
    match results.first() {
        Some(Val::Resource(handle)) => Ok(Val::Resource(*handle)),
        Some(Val::Result(Ok(Some(inner)))) => Ok((**inner).clone()),
        _ => function
            .value(results, Encoding::Json, budget)
            .and_then(|_| Err(TaskError::new(ErrorKind::Internal, "it gave no resource"))),
    }
}
