//! Handles to actors, which keep them alive.

use std::fmt;
use std::sync::Arc;

use crate::sim::state::actor_spec::ActorSpec;
use crate::sim::state::let_go::{LetGo, LetGoList};

#[derive(Clone, Debug)]
pub struct ActorRef(pub(crate) Arc<Handle>);

/// Counted. With the last one the actor serves the calls that wait, and ends. It does not hold the actor's record: that holds
/// objects, and values in those hold handles.
pub(crate) struct Handle {
    pub(crate) spec: Arc<ActorSpec>,
    let_go: Arc<LetGoList>,
}

impl Handle {
    pub(crate) fn new(spec: &Arc<ActorSpec>, let_go: &Arc<LetGoList>) -> Arc<Self> {
        Arc::new(Self { spec: spec.clone(), let_go: let_go.clone() })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.let_go.note(LetGo::Actor(self.spec.id));
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({} {})", self.spec.id, self.spec.type_name)
    }
}
