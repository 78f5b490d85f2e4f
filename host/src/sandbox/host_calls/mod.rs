//! The functions of `rustyray:core` that guests call. Each counts in the task's receipt.

mod actors;
pub mod bytes;
pub(super) mod calls;
mod handed;
mod handle_drops;
mod logging;
pub(super) mod objects;
mod streams;
mod tasks;
mod waits;

use std::sync::Arc;

use wasmtime::component::Resource;

use super::convert::{self, take_arguments};
use super::guest::Guest;
use super::trap::broken_contract;
use super::wire;
use crate::port::Begun;
use crate::port::begun::Waits;
use crate::state::object::payload::{Argument, Payload, Value};
use crate::state::object::store::Reservation;
use crate::state::object::stream::StreamRef;
use crate::state::object::{ObjectRef, Outcome};
use crate::types::account::Account;
use crate::types::encoding::Encoding;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::event::EventKind;
use crate::types::limits::{ARGUMENTS_MAX, NAME_BYTES_MAX, OBJECT_OVERHEAD_BYTES};
use crate::types::module_info::ModuleInfo;

impl Guest {
    /// Whose it is what the host keeps for this guest.
    fn account(&self) -> &Arc<Account> {
        &self.task().spec.module.account
    }

    fn count_call(&self) {
        self.task().meter().host_calls.add(1);
    }

    /// Makes an object of a value that the guest hands over and that is in the store.
    fn put_stored(&mut self, stored: Outcome) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>> {
        match stored {
            Ok(value) => {
                let bytes = value.payload().data.len() as u64;
                self.port.emit(self.task(), EventKind::Stored { bytes });
                let object = self.port.store().sealed(Ok(value));
                Ok(Ok(self.push(object)?))
            }
            Err(error) => Ok(Err((&*error).into())),
        }
    }

    /// A value that the guest hands over, in the store.
    fn store(&self, payload: Payload) -> Begun<Outcome> {
        let bytes = payload.stored_bytes() + OBJECT_OVERHEAD_BYTES;
        let account = self.account().clone();
        let stored = move |room: TaskResult<Reservation>| room.map(|room| Value::new(payload, room.on(&account)));
        Begun::with(self.port.store(), bytes, stored)
    }

    /// Parks this guest until the store has room for what it asks for. What it has handed over for that is its memory meanwhile: where
    /// that is too much, it does not wait.
    async fn with_room<T: Send>(&mut self, begun: Begun<T>) -> T {
        match begun {
            Begun::Done(done) => done,
            // Apart, so that it takes no room in the future of what has not to wait.
            Begun::Waits(waits) => Box::pin(self.wait_for_room(waits)).await,
        }
    }

    async fn wait_for_room<T: Send>(&mut self, waits: Waits<T>) -> T {
        let bytes = waits.bytes();
        if self.limiter.keep(bytes).is_err() {
            return waits.refuse();
        }
        let (port, task) = (self.port.clone(), self.task().clone());
        let done = waits.with_room(&*port, Some(&task)).await;
        self.limiter.let_go(bytes);
        done
    }

    /// The handles and values of a list of arguments.
    fn arguments(&mut self, arguments: Vec<wire::Argument>) -> wasmtime::Result<Vec<Argument>> {
        if arguments.len() > ARGUMENTS_MAX {
            return Err(broken_contract(format!("{} arguments: at most {ARGUMENTS_MAX} are allowed", arguments.len())));
        }
        let arguments = take_arguments(&mut self.table, arguments)?;
        let size = |argument: &Argument| match argument {
            Argument::Value(payload) => payload.data.len() as u64,
            Argument::Object(_) | Argument::Large(_) | Argument::Given => 0,
        };
        self.task().meter().bytes_out.add(arguments.iter().map(size).sum());
        Ok(arguments)
    }

    /// How this guest wants the values that it asks for.
    fn reply(&self) -> Encoding {
        let encoding = |module: &Arc<ModuleInfo>| module.manifest.as_ref().map(|manifest| manifest.encoding);
        self.task().spec.with_module(encoding).unwrap_or_default()
    }

    /// An object that is an error from the start.
    fn failed_object(&self, error: impl Into<Arc<TaskError>>) -> ObjectRef {
        self.port.store().sealed_error(error.into(), Some(self.account()))
    }

    /// A stream that is an error from the start.
    fn failed_stream(&self, error: TaskError) -> StreamRef {
        StreamRef::failed(self.failed_object(error), self.port.store())
    }

    /// A value for the guest.
    fn give(&mut self, value: &Value) -> wasmtime::Result<wire::Payload> {
        let bytes = value.payload().data.len() as u64;
        self.task().meter().bytes_in.add(bytes);
        self.port.emit(self.task(), EventKind::Read { bytes });
        convert::give_payload(&mut self.handles(), value.payload())
    }

    /// An outcome for the guest.
    fn give_outcome(&mut self, outcome: Outcome) -> wasmtime::Result<Result<wire::Payload, wire::TaskError>> {
        match outcome {
            Ok(value) => Ok(Ok(self.give(&value)?)),
            Err(error) => Ok(Err((&*error).into())),
        }
    }
}

/// A name from a guest, of a function or an actor. A name that is too long breaks the contract; one that does not exist does not.
fn function_name(name: String) -> wasmtime::Result<Arc<str>> {
    if name.len() > NAME_BYTES_MAX {
        return Err(broken_contract(format!("a name of {} bytes: names have at most {NAME_BYTES_MAX}", name.len())));
    }
    Ok(name.into())
}

/// Options that contradict themselves.
fn bad_options(text: String) -> TaskError {
    TaskError::new(ErrorKind::InvalidArgument, text)
}
