//! The names by which actors are found.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use crate::bindings::rustyray::core::types::{ActorOptions, ErrorKind, TaskError};
use crate::module_name::module_of;
use crate::sim::state::actor::ActorRecord;
use crate::sim::state::actor_ref::ActorRef;

/// A name in a namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    namespace: Option<String>,
    name: String,
}

impl Address {
    pub(crate) fn new(namespace: Option<&str>, name: &str) -> Self {
        Self { namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    /// What an actor with these options is found by.
    pub(crate) fn of(options: &ActorOptions) -> Option<Self> {
        options.name.as_deref().map(|name| Self::new(options.namespace.as_deref(), name))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.name.escape_debug())?;
        match &self.namespace {
            Some(namespace) => write!(f, " in the namespace '{}'", namespace.escape_debug()),
            None => Ok(()),
        }
    }
}

/// Each name belongs to one living actor: those of the one module that a test has.
#[derive(Default)]
pub(crate) struct ActorNames(BTreeMap<Address, Named>);

struct Named {
    actor: Weak<ActorRecord>,
    /// What keeps a detached actor alive.
    _keep: Option<ActorRef>,
}

impl ActorNames {
    /// Gives the actor its name.
    pub(crate) fn register(
        &mut self,
        address: Address,
        actor: &Arc<ActorRecord>,
        handle: &ActorRef,
    ) -> Result<(), TaskError> {
        if self.find(&address).is_ok() {
            let text = format!("another actor is named {address}: choose another name, or find that one");
            return Err(crate::sim::error::new(ErrorKind::ActorNameTaken, text));
        }
        let keep = actor.spec.options.detached.unwrap_or(false).then(|| handle.clone());
        self.0.insert(address, Named { actor: Arc::downgrade(actor), _keep: keep });
        Ok(())
    }

    pub(crate) fn find(&self, address: &Address) -> Result<ActorRef, TaskError> {
        let found = self.0.get(address).and_then(|named| named.actor.upgrade()).and_then(|actor| actor.handle());
        found.ok_or_else(|| {
            let module = module_of(&address.name);
            let hint = module.map(|module| format!(", and 'module:{}' is not granted", module.escape_debug()));
            let hint = hint.unwrap_or_default();
            crate::sim::error::new(ErrorKind::ActorNotFound, format!("no actor is named {address}{hint}"))
        })
    }

    /// The actor is gone, and its name free, unless another has it by now.
    pub(crate) fn release(&mut self, actor: &Arc<ActorRecord>) {
        if let Some(address) = Address::of(&actor.spec.options)
            && self.0.get(&address).is_some_and(|named| named.actor.as_ptr() == Arc::as_ptr(actor))
        {
            self.0.remove(&address);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
