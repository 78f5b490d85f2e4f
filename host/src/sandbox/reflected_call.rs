//! A call of a function that a component exports by types of its own.

use std::sync::Arc;

use wasmtime::component::{ResourceType, Val};

use super::instance::Instance;
use super::reflected::resources;
use super::reflected::resources::Step;
use super::reflected::{Argument, Budget, PlainFunction};
use crate::state::object::payload::{Encoding, Held, Payload};
use crate::types::error::{ErrorKind, TaskError};

impl Instance {
    /// Calls it. Resources that it takes are made before, in the same instance.
    ///
    /// # Errors
    /// The program's error, or what ended the guest.
    pub(super) async fn run_plain(
        &mut self,
        name: &Arc<str>,
        arguments: Vec<Held>,
        reply: Encoding,
    ) -> Result<Payload, TaskError> {
        let plain = self.module.plain.function(name).cloned().ok_or_else(missing)?;
        let bytes: usize = arguments.iter().map(|argument| argument.payload().data.len()).sum();
        self.task().meter().bytes_in.add(bytes as u64);
        let read = plain.arguments(&arguments)?;
        // What it is called with is another form of them.
        drop(arguments);
        self.task().arguments_given();
        let mut given = Vec::with_capacity(read.len());
        for argument in read {
            given.push(match argument {
                Argument::Value(value) => value,
                Argument::Made(resource, steps) => self.made(resource, &steps).await?,
            });
        }
        let results = self.call_plain(&plain, &given).await?;
        let payload = plain.value(&results, reply)?;
        self.task().meter().bytes_out.add(payload.data.len() as u64);
        Ok(payload)
    }

    async fn call_plain(&mut self, plain: &PlainFunction, given: &[Val]) -> Result<Vec<Val>, TaskError> {
        let mut results = plain.results();
        let function = self.instance.get_func(&mut self.store, plain.index).ok_or_else(missing)?;
        let outcome = function.call_async(&mut self.store, given, &mut results).await;
        outcome.map_err(|error| self.failed(&error))?;
        Ok(results)
    }

    /// The resource that these calls make.
    async fn made(&mut self, resource: ResourceType, steps: &[Step]) -> Result<Val, TaskError> {
        let mut budget = Budget::new();
        let mut made: Option<Val> = None;
        for step in steps {
            let plain = self.module.plain.step(resource, &step.name, made.is_some()).cloned();
            let plain = plain.ok_or_else(|| unknown(step, made.is_some()))?;
            let given = step.given(&plain, made.as_ref(), &mut budget)?;
            let results = self.call_plain(&plain, &given).await?;
            match made {
                None => made = Some(resources::handle(&plain, &results)?),
                // An error ends it; any other result is nobody's.
                Some(_) => drop(plain.value(&results, Encoding::Json)?),
            }
        }
        made.ok_or_else(|| TaskError::new(ErrorKind::InvalidArgument, "nothing makes the resource"))
    }
}

fn missing() -> TaskError {
    TaskError::new(ErrorKind::TaskNotFound, "the component exports no such function")
}

fn unknown(step: &Step, is_there: bool) -> TaskError {
    let name = step.name.escape_debug();
    TaskError::new(
        ErrorKind::InvalidArgument,
        match is_there {
            true => format!("the resource has no method '{name}' that can be called"),
            false => format!("no function '{name}' gives the resource: it begins with `new`, or another that does"),
        },
    )
}
