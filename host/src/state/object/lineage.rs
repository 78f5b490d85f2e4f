//! How an object can be made again whose bytes are lost: the task that made it, and what that was given.
//!
//! Nothing large is kept alive for it. An argument that was an object is remembered by how it was made, and made again in its
//! turn if nobody holds it any more.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::payload::{Argument, Arguments, Encoding, Payload, Reference};
use super::store::Reservation;
use super::{ObjectRef, WeakObjectRef};
use crate::state::task::{TaskSpec, Work};
use crate::types::budget::Budget;
use crate::types::capabilities::Capabilities;
use crate::types::limits::{
    ANCESTOR_BYTES, LINEAGE_BYTES_MAX, LINEAGE_DEPTH_MAX, OBJECT_OVERHEAD_BYTES, SPILL_BYTES_MIN,
};
use crate::types::module_info::ModuleInfo;
use crate::types::plan::TaskPlan;

/// Where an object came from, or why it cannot be made again.
pub type Provenance = Result<Arc<Lineage>, &'static str>;

/// The task that made an object.
#[derive(Debug)]
pub struct Lineage {
    /// What was made last. Without a rank: tasks are submitted while it is held, which nobody does who holds a lock.
    object: Mutex<WeakObjectRef>,
    /// The module that it is a part of.
    pub module: Arc<ModuleInfo>,
    /// How it runs.
    pub plan: Arc<TaskPlan>,
    /// What it may touch.
    pub capabilities: Arc<Capabilities>,
    /// Bytes of the plan and of what it may touch, where those are its own.
    pub own_bytes: u32,
    /// The account that it was on.
    pub budget: Option<Budget>,
    /// How its result is encoded.
    pub reply: Encoding,
    inputs: Box<[Input]>,
    /// Tasks in the longest line of those that made its arguments, itself included.
    depth: u32,
    _charge: Reservation,
}

/// What it was given.
#[derive(Debug)]
enum Input {
    Value { encoding: Encoding, data: Bytes, references: Box<[Ancestor]> },
    Object(Ancestor),
}

/// An object that went into another one.
#[derive(Debug)]
pub(super) enum Ancestor {
    /// So small that it is kept.
    Kept(ObjectRef),
    /// Perhaps gone.
    Made(Arc<Lineage>),
    /// Perhaps gone, and then for good.
    Other(WeakObjectRef, &'static str),
}

/// Makes an object by running a task once more.
pub type Rerun<'a> = dyn FnMut(&Lineage, Vec<Argument>) -> Result<ObjectRef, String> + 'a;

impl Lineage {
    /// That of an object of so many bytes, which this task made.
    ///
    /// # Errors
    /// Why it cannot be made again.
    pub fn of(object: &ObjectRef, bytes: u64, spec: &TaskSpec, arguments: &Arguments) -> Provenance {
        let Work::Task { reply, .. } = spec.work else {
            return Err("an actor made it, which is not the same any more");
        };
        if !spec.plan.may_run_again {
            return Err("its task may run once only (max_retries is 0)");
        }
        let given = arguments.iter().map(given_bytes).sum::<Option<u64>>();
        // A part of what is freed when the value is spilled.
        let kept = (bytes / 4).clamp(SPILL_BYTES_MIN, LINEAGE_BYTES_MAX);
        let given = given.filter(|given| *given <= kept).ok_or("its task's arguments were too large to be kept")?;
        let inputs: Box<[Input]> = arguments.iter().map(Input::of).collect::<Result<_, _>>()?;
        let depth = 1 + inputs.iter().map(Input::depth).max().unwrap_or(0);
        if depth > LINEAGE_DEPTH_MAX {
            return Err("too many tasks, one after the other, led to it");
        }
        // A large one that was passed by value is charged already, as the object that it is.
        let charged: u64 = arguments.iter().map(charged_bytes).sum();
        let charge = object.store().try_reserve(given - charged + OBJECT_OVERHEAD_BYTES + u64::from(spec.own_bytes));
        let charge = charge.map_err(|_| "the store had no room for what its task was given")?.on(&spec.module.account);
        let TaskSpec { module, plan, capabilities, budget, own_bytes, .. } = spec.clone();
        let object = Mutex::new(object.downgrade());
        Ok(Arc::new(Lineage {
            object,
            module,
            plan,
            capabilities,
            own_bytes,
            budget,
            reply,
            inputs,
            depth,
            _charge: charge,
        }))
    }

    /// What the task was given, with what is gone of it made again by `rerun`.
    ///
    /// # Errors
    /// Why that is not possible.
    pub fn arguments(&self, rerun: &mut Rerun<'_>) -> Result<Vec<Argument>, String> {
        self.inputs.iter().map(|input| input.restored(rerun)).collect()
    }

    /// The object, made again if it is gone.
    fn object(&self, rerun: &mut Rerun<'_>) -> Result<ObjectRef, String> {
        // Held meanwhile, so that what went into several objects is made once. Locks are taken from what was made to what it
        // was made from, which is never the other way round.
        let mut object = self.object.lock();
        if let Some(object) = object.upgrade() {
            return Ok(object);
        }
        // As deep as the lineage, which has a bound.
        let arguments = self.arguments(rerun)?;
        let again = rerun(self, arguments)?;
        *object = again.downgrade();
        Ok(again)
    }
}

/// What is kept of an argument; `None` if that is gone.
fn given_bytes(argument: &Argument) -> Option<u64> {
    match argument {
        Argument::Value(payload) => {
            let ancestors = payload.references.len() as u64 * ANCESTOR_BYTES;
            Some(payload.stored_bytes() + ancestors + OBJECT_OVERHEAD_BYTES)
        }
        Argument::Object(_) => Some(OBJECT_OVERHEAD_BYTES),
        Argument::Large(object) => Some(object.stored_bytes()),
        Argument::Given => None,
    }
}

/// What of it is charged as an object that is kept.
fn charged_bytes(argument: &Argument) -> u64 {
    match argument {
        Argument::Large(object) => object.stored_bytes(),
        Argument::Value(_) | Argument::Object(_) | Argument::Given => 0,
    }
}

impl Input {
    fn of(argument: &Argument) -> Result<Self, &'static str> {
        let Payload { encoding, data, references } = match argument {
            Argument::Object(object) => return Ok(Input::Object(Ancestor::of(object))),
            Argument::Large(object) => return Ok(Input::Object(Ancestor::Kept(object.clone()))),
            Argument::Value(payload) => payload.clone(),
            Argument::Given => return Err("its task's arguments are gone"),
        };
        let references = references.iter().map(|reference| match reference {
            Reference::Object(object) => Ok(Ancestor::of(object)),
            Reference::Actor(_) => Err("its task was given an actor, which is not the same any more"),
        });
        Ok(Input::Value { encoding, data, references: references.collect::<Result<_, _>>()? })
    }

    fn ancestors(&self) -> &[Ancestor] {
        match self {
            Input::Value { references, .. } => references,
            Input::Object(ancestor) => std::slice::from_ref(ancestor),
        }
    }

    fn depth(&self) -> u32 {
        self.ancestors().iter().map(Ancestor::depth).max().unwrap_or(0)
    }

    fn restored(&self, rerun: &mut Rerun<'_>) -> Result<Argument, String> {
        let (encoding, data, references) = match self {
            Input::Object(ancestor) => return ancestor.restored(rerun).map(Argument::Object),
            Input::Value { encoding, data, references } => (*encoding, data.clone(), references),
        };
        let restored = references.iter().map(|ancestor| ancestor.restored(rerun).map(Reference::Object));
        let references = restored.collect::<Result<_, _>>()?;
        Ok(Argument::Value(Payload { encoding, data, references }))
    }
}

impl Ancestor {
    fn of(object: &ObjectRef) -> Self {
        if object.is_small() {
            return Ancestor::Kept(object.clone());
        }
        match object.provenance() {
            Ok(lineage) => Ancestor::Made(lineage),
            Err(why) => Ancestor::Other(object.downgrade(), why),
        }
    }

    fn depth(&self) -> u32 {
        match self {
            Ancestor::Made(lineage) => lineage.depth,
            Ancestor::Kept(_) | Ancestor::Other(..) => 0,
        }
    }

    fn restored(&self, rerun: &mut Rerun<'_>) -> Result<ObjectRef, String> {
        match self {
            Ancestor::Kept(object) => Ok(object.clone()),
            Ancestor::Made(lineage) => lineage.object(rerun),
            Ancestor::Other(object, why) => {
                let gone = || format!("its task was given an object that is gone as well ({why})");
                object.upgrade().ok_or_else(gone)
            }
        }
    }
}
