//! The calls that make a resource, which is how an argument that is a handle of one is written.
//!
//! A handle lives as long as its instance, which is that of one call. So the resource is made there and then: `[{"new": [5]}, {"add": [3]}]`
//! is what the constructor gives for 5, after its method `add` was called with 3.

use serde_json::Value;
use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::budget::Budget;
use super::text;
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

    /// What a function of these parameters is called with in this step, for the resource if it is there already.
    ///
    /// # Errors
    /// `InvalidArgument`: they are not of their types, or not as many.
    pub fn given(
        &self,
        parameters: impl Iterator<Item = Type>,
        handle: Option<&Val>,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<Val>, TaskError> {
        let wrong = |why: String| {
            TaskError::new(ErrorKind::InvalidArgument, format!("`{}`: {why}", text::brief_name(&self.name)))
        };
        let types: Vec<_> = parameters.skip(usize::from(handle.is_some())).collect();
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
