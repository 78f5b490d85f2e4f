//! What the host in memory holds.

use std::cell::RefCell;

use serde::Serialize;

use super::types::{ActorRef, Argument, Encoding, ErrorKind, ObjectRef, Payload, Reference, TaskError};
use crate::host::guest::Failure;
use crate::host::local_error;
use crate::object_ref::RawRef;

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

pub(super) fn with<T>(f: impl FnOnce(&mut Host) -> T) -> T {
    HOST.with_borrow_mut(f)
}

#[derive(Default)]
pub(crate) struct Host {
    objects: Vec<Slot>,
    /// Nanoseconds that were waited for.
    now: u64,
    pub(super) calls: Vec<String>,
    pub(super) options: Option<super::types::TaskOptions>,
    pub(super) ready: Option<u64>,
    /// What the task gave that runs, if it is a stream.
    pub(super) given: Option<Vec<super::types::ObjectRef>>,
    stopped: bool,
}

pub(super) enum Slot {
    Sealed(Result<Stored, TaskError>),
    At(u64, Stored),
    Never,
}

/// A payload that can be given out again and again.
#[derive(Clone)]
pub(crate) struct Stored {
    encoding: Encoding,
    data: Vec<u8>,
    references: Vec<Result<u64, String>>,
}

impl Stored {
    pub(super) fn nothing() -> Self {
        Self::bytes(&[])
    }

    pub(super) fn bytes(data: &[u8]) -> Self {
        Self { encoding: Encoding::Raw, data: data.to_vec(), references: Vec::new() }
    }

    pub(super) fn payload(&self) -> Payload {
        let reference = |reference: &Result<u64, String>| match reference {
            Ok(id) => Reference::Object(ObjectRef(*id)),
            Err(actor) => Reference::Actor(ActorRef(actor.clone())),
        };
        let references = self.references.iter().map(reference).collect();
        Payload { encoding: self.encoding, data: self.data.clone(), references }
    }
}

impl From<&Payload> for Stored {
    fn from(payload: &Payload) -> Self {
        let reference = |reference: &Reference| match reference {
            Reference::Object(object) => Ok(object.0),
            Reference::Actor(actor) => Err(actor.0.clone()),
        };
        let references = payload.references.iter().map(reference).collect();
        Self { encoding: payload.encoding, data: payload.data.clone(), references }
    }
}

impl Host {
    pub(super) fn add(&mut self, slot: Slot) -> ObjectRef {
        self.objects.push(slot);
        ObjectRef(self.objects.len() as u64 - 1)
    }

    pub(super) fn value(&self, id: u64) -> Option<Result<Payload, TaskError>> {
        match &self.objects[usize::try_from(id).unwrap()] {
            Slot::Sealed(value) => Some(value.clone().map(|stored| stored.payload())),
            Slot::At(due, stored) if *due <= self.now => Some(Ok(stored.payload())),
            Slot::At(..) | Slot::Never => None,
        }
    }

    fn due(&self, id: u64) -> u64 {
        match &self.objects[usize::try_from(id).unwrap()] {
            Slot::Sealed(_) => 0,
            Slot::At(due, _) => *due,
            Slot::Never => u64::MAX,
        }
    }

    /// Moves the clock to the moment at which enough are there, or the time is up.
    pub(super) fn wait(&mut self, ids: &[u64], count: usize, timeout_ns: Option<u64>) -> Result<Vec<u32>, TaskError> {
        if self.stopped {
            return Err(local_error(ErrorKind::TaskCancelled, "asked to stop".into()));
        }
        let mut dues: Vec<u64> = ids.iter().map(|id| self.due(*id)).collect();
        dues.sort_unstable();
        let enough = dues.get(count.min(dues.len()).wrapping_sub(1)).copied().unwrap_or(u64::MAX);
        let over = timeout_ns.map_or(u64::MAX, |timeout| self.now.saturating_add(timeout));
        let until = enough.min(over);
        assert_ne!(until, u64::MAX, "this would wait for ever");
        self.now = self.now.max(until);
        let there = ids.iter().enumerate().filter(|(_, id)| self.due(**id) <= self.now);
        Ok(there.map(|(index, _)| u32::try_from(index).unwrap()).collect())
    }
}

/// Runs a function with the values of its arguments, and seals what it gives.
pub(super) fn run(
    arguments: &[Argument<'_>],
    function: impl FnOnce(Vec<Payload>, Encoding) -> Result<Payload, Box<Failure>>,
) -> ObjectRef {
    let value = |argument: &Argument<'_>| match argument {
        Argument::Value(payload) => Ok(Stored::from(payload).payload()),
        Argument::Object(object) => with(|host| host.value(object.0)).expect("arguments are there"),
    };
    let outcome = arguments.iter().map(value).collect::<Result<Vec<_>, _>>().and_then(|payloads| {
        let failed = |failure: Box<Failure>| {
            let kind = if failure.invalid_argument { ErrorKind::InvalidArgument } else { ErrorKind::TaskFailed };
            local_error(kind, failure.message)
        };
        function(payloads, Encoding::Bincode).map(|payload| Stored::from(&payload)).map_err(failed)
    });
    with(|host| host.add(Slot::Sealed(outcome)))
}

fn stored<T: Serialize>(value: &T) -> Stored {
    let data = ::bincode::serde::encode_to_vec(value, ::bincode::config::standard()).unwrap();
    Stored { encoding: Encoding::Bincode, data, references: Vec::new() }
}

fn reference<T>(slot: Slot) -> crate::ObjectRef<T> {
    crate::ObjectRef::new(RawRef::new(with(|host| host.add(slot))))
}

/// An object that is there.
pub(crate) fn sealed<T: Serialize>(value: &T) -> crate::ObjectRef<T> {
    reference(Slot::Sealed(Ok(stored(value))))
}

/// An object that comes when so much time was waited for.
pub(crate) fn later<T: Serialize>(milliseconds: u64, value: &T) -> crate::ObjectRef<T> {
    let due = with(|host| host.now) + milliseconds * 1_000_000;
    reference(Slot::At(due, stored(value)))
}

/// Plain bytes that come when so much time was waited for.
pub(crate) fn later_bytes(milliseconds: u64, data: &[u8]) -> crate::ObjectRef<Vec<u8>> {
    let due = with(|host| host.now) + milliseconds * 1_000_000;
    reference(Slot::At(due, Stored::bytes(data)))
}

/// An object that is an error.
pub(crate) fn failed<T>(message: &str) -> crate::ObjectRef<T> {
    reference(Slot::Sealed(Err(local_error(ErrorKind::TaskFailed, message.into()))))
}

/// An object that does not come.
pub(crate) fn never<T>() -> crate::ObjectRef<T> {
    reference(Slot::Never)
}

/// Asks the task that the test is to stop.
pub(crate) fn stop() {
    with(|host| host.stopped = true);
}

/// What the host was asked since the last time.
pub(crate) fn take_calls() -> Vec<String> {
    with(|host| std::mem::take(&mut host.calls))
}
