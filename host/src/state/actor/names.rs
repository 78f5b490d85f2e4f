//! The names by which actors are found: each module has its own, so that no name tells of another module or is in its way.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::{ActorRecord, ActorRef};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::ids::ModuleId;
use crate::types::options::Address;
use crate::types::sync::{Mutex, rank};

/// The named actors of a host. Each name belongs to one living actor of the module that declares its type, whatever that
/// module's version and whoever created the actor.
#[derive(Default)]
pub struct ActorNames(Mutex<HashMap<Key, Named>, { rank::NAMES }>);

type Key = (ModuleId, Address);

struct Named {
    actor: Weak<ActorRecord>,
    /// What keeps a detached actor alive.
    _keep: Option<ActorRef>,
}

impl ActorNames {
    /// Gives the actor its name among those of its module.
    ///
    /// # Errors
    /// `ActorNameTaken`.
    pub fn register(&self, name: Address, actor: &ActorRef, detached: bool) -> Result<(), TaskError> {
        let named = Named { actor: Arc::downgrade(actor.record()), _keep: detached.then(|| actor.clone()) };
        let key = (actor.record().spec.module.id, name);
        let mut names = self.0.lock();
        let holder = names.get(&key).and_then(|held| held.actor.upgrade());
        let taken = match holder.as_ref().filter(|holder| lives(holder)) {
            Some(holder) if holder.has_handle() => Some("choose another name, or find that one"),
            // Who took its place would begin with an older state, and save over its last one.
            Some(holder) if holder.saved.is_some() && holder.spec.module.lasting.is_some() => Some(
                "nobody holds it any more, and it has not saved its last state yet: the name is free when it has ended",
            ),
            _ => None,
        };
        let before = if taken.is_some() { Some(named) } else { names.insert(key.clone(), named) };
        drop(names);
        // Outside the lock: each may be the last of an actor.
        drop((holder, before));
        if let Some(advice) = taken {
            let name = &key.1;
            let text = format!("another actor is named {name}: {advice}");
            return Err(TaskError::new(ErrorKind::ActorNameTaken, text));
        }
        Ok(())
    }

    /// The actor of this name in a module, if there is one.
    pub fn find(&self, module: ModuleId, name: &Address) -> Option<ActorRef> {
        let found = self.0.lock().get(&(module, name.clone())).map(|named| named.actor.clone());
        let found = found.and_then(|actor| actor.upgrade()).filter(|actor| lives(actor));
        found.and_then(|actor| actor.handle())
    }

    /// The actor is gone, and its name free, unless another has it by now.
    pub fn release(&self, actor: &Arc<ActorRecord>) {
        let Some(name) = actor.spec.options.address() else { return };
        let key = (actor.spec.module.id, name);
        let mut names = self.0.lock();
        let is_its = names.get(&key).is_some_and(|named| named.actor.as_ptr() == Arc::as_ptr(actor));
        let gone = if is_its { names.remove(&key) } else { None };
        drop(names);
        // Outside the lock: the handle that it keeps may be the last.
        drop(gone);
    }

    /// Lets go of detached actors.
    pub fn clear(&self) {
        let gone = std::mem::take(&mut *self.0.lock());
        drop(gone);
    }
}

/// One that was killed has its name no more, whatever its guest does until it is gone.
fn lives(actor: &ActorRecord) -> bool {
    !actor.mailbox.is_over()
}
