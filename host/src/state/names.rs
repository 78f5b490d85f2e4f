//! The names by which actors are found.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::actor::{ActorRecord, ActorRef};
use crate::words::error::{ErrorKind, TaskError};
use crate::words::options::Address;
use crate::words::sync::{Mutex, rank};

/// The named actors of a host. Each name belongs to one living actor.
#[derive(Default)]
pub struct ActorNames(Mutex<HashMap<Address, Named>, { rank::NAMES }>);

struct Named {
    actor: Weak<ActorRecord>,
    /// What keeps a detached actor alive.
    _keep: Option<ActorRef>,
}

impl ActorNames {
    /// Gives the actor its name.
    ///
    /// # Errors
    /// `ActorNameTaken`.
    pub fn register(&self, name: Address, actor: &ActorRef, detached: bool) -> Result<(), TaskError> {
        let named = Named { actor: Arc::downgrade(actor.record()), _keep: detached.then(|| actor.clone()) };
        let mut names = self.0.lock();
        let holder = names.get(&name).and_then(|held| held.actor.upgrade());
        let taken = holder.as_ref().is_some_and(|holder| lives(holder) && holder.has_handle());
        let before = if taken { Some(named) } else { names.insert(name.clone(), named) };
        drop(names);
        // Outside the lock: each may be the last of an actor.
        drop((holder, before));
        if taken {
            let text = format!("another actor is named {name}: choose another name, or find that one");
            return Err(TaskError::new(ErrorKind::ActorNameTaken, text));
        }
        Ok(())
    }

    /// The actor of this name.
    ///
    /// # Errors
    /// `ActorNotFound`.
    pub fn find(&self, name: &Address) -> Result<ActorRef, TaskError> {
        let found = self.0.lock().get(name).map(|named| named.actor.clone());
        let found = found.and_then(|actor| actor.upgrade()).filter(|actor| lives(actor));
        let handle = found.and_then(|actor| actor.handle());
        handle.ok_or_else(|| TaskError::new(ErrorKind::ActorNotFound, format!("no actor is named {name}")))
    }

    /// The actor is gone, and its name free, unless another has it by now.
    pub fn release(&self, actor: &Arc<ActorRecord>) {
        let Some(name) = actor.spec.options.address() else { return };
        let mut names = self.0.lock();
        let is_its = names.get(&name).is_some_and(|named| named.actor.as_ptr() == Arc::as_ptr(actor));
        let gone = if is_its { names.remove(&name) } else { None };
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

fn lives(actor: &ActorRecord) -> bool {
    actor.mailbox.death().is_none()
}
