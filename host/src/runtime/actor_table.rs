//! The actors of a host.

use std::sync::{Arc, Weak};

use dashmap::DashMap;

use crate::state::actor::ActorRecord;
use crate::state::actor::move_turns::MoveTurns;
use crate::state::actor::names::ActorNames;
use crate::types::ids::{ActorId, Counter};
use crate::types::limits::MOVES_AT_ONCE;
use crate::types::sync::{Mutex, rank};

/// Those that live, their names, and which of them move.
pub(super) struct ActorTable {
    pub names: ActorNames,
    pub ids: Counter,
    /// Which move to another instance.
    pub moves: Arc<MoveTurns>,
    /// Held while an actor is looked for that is else created.
    pub creating: Mutex<(), { rank::CREATING }>,
    /// Stands for all actors for which the store has no room, while anybody holds one.
    pub nobody: Mutex<Weak<ActorRecord>, { rank::NAMES }>,
    living: DashMap<ActorId, Weak<ActorRecord>>,
}

impl Default for ActorTable {
    fn default() -> Self {
        ActorTable {
            names: ActorNames::default(),
            ids: Counter::default(),
            moves: MoveTurns::new(MOVES_AT_ONCE),
            creating: Mutex::new(()),
            nobody: Mutex::new(Weak::new()),
            living: DashMap::new(),
        }
    }
}

impl ActorTable {
    /// The actor lives.
    pub fn add(&self, actor: &Arc<ActorRecord>) {
        self.living.insert(actor.spec.id, Arc::downgrade(actor));
    }

    /// It does no more.
    pub fn remove(&self, actor: &ActorRecord) {
        self.living.remove(&actor.spec.id);
    }

    /// How many live.
    pub fn len(&self) -> usize {
        self.living.len()
    }

    /// Those that live.
    pub fn living(&self) -> Vec<Arc<ActorRecord>> {
        self.living.iter().filter_map(|entry| entry.value().upgrade()).collect()
    }
}
