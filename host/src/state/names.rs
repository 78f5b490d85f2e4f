//! The names by which actors are found.

use std::sync::{Arc, Weak};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::actor::{ActorRecord, ActorRef};
use crate::words::error::{ErrorKind, TaskError};
use crate::words::options::Address;

/// The named actors of a host. Each name belongs to one living actor.
#[derive(Default)]
pub struct ActorNames(DashMap<Address, Named>);

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
        match self.0.entry(name) {
            Entry::Occupied(held) if held.get().handle().is_some() => {
                let text = format!("another actor is named {}: choose another name, or find that one", held.key());
                Err(TaskError::new(ErrorKind::ActorNameTaken, text))
            }
            Entry::Occupied(mut gone) => {
                gone.insert(named);
                Ok(())
            }
            Entry::Vacant(free) => {
                free.insert(named);
                Ok(())
            }
        }
    }

    /// The actor of this name.
    ///
    /// # Errors
    /// `ActorNotFound`.
    pub fn find(&self, name: &Address) -> Result<ActorRef, TaskError> {
        let found = self.0.get(name).and_then(|named| named.handle());
        found.ok_or_else(|| TaskError::new(ErrorKind::ActorNotFound, format!("no actor is named {name}")))
    }

    /// The actor is gone, and its name free, unless another has it by now.
    pub fn release(&self, actor: &Arc<ActorRecord>) {
        if let Some(name) = actor.spec.options.address() {
            let gone = self.0.remove_if(&name, |_, named| named.actor.as_ptr() == Arc::as_ptr(actor));
            // Outside the map's lock: the handle that it keeps may be the last.
            drop(gone);
        }
    }

    /// Lets go of detached actors.
    pub fn clear(&self) {
        let names: Vec<_> = self.0.iter().map(|entry| entry.key().clone()).collect();
        names.iter().for_each(|name| drop(self.0.remove(name)));
    }
}

impl Named {
    /// A handle, if the actor lives.
    fn handle(&self) -> Option<ActorRef> {
        let actor = self.actor.upgrade()?;
        if actor.mailbox.death().is_some() {
            return None;
        }
        actor.handle()
    }
}
