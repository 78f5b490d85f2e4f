//! What a task is: everything that is known of it when it is submitted.

use std::sync::Arc;
use std::time::Instant;

use crate::state::actor::ActorRecord;
use crate::state::actor::lane::Submitter;
use crate::state::object::payload::Encoding;
use crate::state::object::stream::Stream;
use crate::types::budget::Budget;
use crate::types::capabilities::Capabilities;
use crate::types::ids::TaskId;
use crate::types::module_info::ModuleInfo;
use crate::types::plan::TaskPlan;

/// What a task is to do.
#[derive(Clone)]
pub enum Work {
    /// Run a remote function in a fresh instance.
    Task {
        /// How the result is to be encoded.
        reply: Encoding,
        /// Why the object that it made before is lost, which it makes again.
        lost: Option<Arc<str>>,
        /// Where its results go, where they are several.
        stream: Option<Arc<Stream>>,
    },
    /// Run the module's `main`: the driver.
    Main {
        /// Its command line, the program's name first.
        arguments: Vec<String>,
        /// Writes it straight to the process's standard output and error, instead of the log?
        inherit_stdio: bool,
    },
    /// Make an instance an actor.
    Construct {
        /// The actor.
        actor: Arc<ActorRecord>,
    },
    /// Call a method of an actor.
    Call {
        /// The actor.
        actor: Arc<ActorRecord>,
        /// Whose calls it is in order with.
        submitter: Submitter,
        /// How the result is to be encoded.
        reply: Encoding,
        /// Where its results go, where they are several.
        stream: Option<Arc<Stream>>,
    },
}

impl Work {
    /// Where its results go, where they are several.
    pub fn stream(&self) -> Option<&Arc<Stream>> {
        match self {
            Work::Task { stream, .. } | Work::Call { stream, .. } => stream.as_ref(),
            Work::Main { .. } | Work::Construct { .. } => None,
        }
    }
}

/// Everything that is known of a task when it is submitted. It does not change.
#[derive(Clone)]
pub struct TaskSpec {
    /// The task.
    pub id: TaskId,
    /// The module that it is a part of.
    pub module: Arc<ModuleInfo>,
    /// What to do.
    pub work: Work,
    /// How it runs.
    pub plan: Arc<TaskPlan>,
    /// What it may touch.
    pub capabilities: Arc<Capabilities>,
    /// The parent's deadline.
    pub inherited_deadline: Option<Instant>,
    /// Was its parent asked to stop when it submitted this? Then it has no grace of its own.
    pub within_grace: bool,
    /// What it uses is on this account, too.
    pub budget: Option<Budget>,
    /// When it was submitted.
    pub queued: Instant,
    /// Bytes that the host keeps of its plan and of what it may touch, where those are not what all have.
    pub own_bytes: u32,
}

impl TaskSpec {
    /// Reads of the version of the module that it runs on. A call's actor may have moved since it was made.
    pub fn with_module<R>(&self, read: impl FnOnce(&Arc<ModuleInfo>) -> R) -> R {
        match &self.work {
            Work::Call { actor, .. } => match actor.moves.home() {
                Some(home) => read(&home.module),
                None => read(&self.module),
            },
            _ => read(&self.module),
        }
    }

    /// Whose calls it is in order with, where it is one.
    pub fn submitter(&self) -> Submitter {
        match self.work {
            Work::Call { submitter, .. } => submitter,
            _ => Submitter::EMBEDDER,
        }
    }

    /// As whom it calls actors.
    pub fn as_submitter(&self) -> Submitter {
        match &self.work {
            Work::Construct { actor } | Work::Call { actor, .. } => Submitter::actor(actor.spec.id),
            Work::Task { .. } | Work::Main { .. } => Submitter::task(self.id),
        }
    }

    /// Does it make an object again, for somebody who was promised it?
    pub fn is_repeated(&self) -> bool {
        matches!(self.work, Work::Task { lost: Some(_), .. })
    }
}
