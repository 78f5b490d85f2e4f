//! What runs here.

use std::time::{Duration, Instant};

use crate::host::{self, tasks, types};

/// What runs here, as it stood when [`context`] was called.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// #[rustyray::remote]
/// fn patient() -> Result<u32> {
///     let mut rounds = 0;
///     while !rustyray::context().cancelled {
///         rounds += 1;
///     }
///     Ok(rounds)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context {
    /// The host's number of the task.
    pub task_id: u64,
    /// The name given with the options, else the function's.
    pub name: String,
    /// The module that the function is from.
    pub module: String,
    /// The function's name in the module's manifest.
    pub function: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The actor whose constructor or method runs.
    pub actor: Option<ActorInfo>,
    /// Time left until the deadline.
    pub time_left: Option<Duration>,
    /// Fuel left, where there is a limit.
    pub fuel_left: Option<u64>,
    /// Somebody asked this task to stop: tidy up and return.
    pub cancelled: bool,
    /// The capabilities that this task holds, by name.
    pub grants: Vec<String>,
    asked: Instant,
}

/// The actor whose constructor or method runs.
///
/// ```no_run
/// if let Some(actor) = rustyray::context().actor {
///     println!("{} for the {}. time", actor.actor_type, actor.generation);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActorInfo {
    /// The host's number of the actor.
    pub actor_id: u64,
    /// Its type, as the module's manifest names it.
    pub actor_type: String,
    /// The name that it can be found by.
    pub name: Option<String>,
    /// How often it was started; 1 for the first time.
    pub generation: u32,
}

impl Context {
    /// When the task will be ended, on this guest's clock.
    ///
    /// ```no_run
    /// if let Some(deadline) = rustyray::context().deadline() {
    ///     println!("until {deadline:?}");
    /// }
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.asked.checked_add(self.time_left?)
    }
}

/// What runs here: the task, its actor, the attempt, and what is left of its time and fuel. Each call asks the host.
///
/// ```no_run
/// let context = rustyray::context();
/// println!("{} (attempt {}), fuel left: {:?}", context.name, context.attempt, context.fuel_left);
/// ```
#[must_use]
pub fn context() -> Context {
    let told = tasks::context();
    Context {
        task_id: told.task_id,
        name: told.task,
        module: told.module,
        function: told.function,
        attempt: told.attempt,
        actor: told.actor.map(ActorInfo::from),
        time_left: told.time_left_ns.map(Duration::from_nanos),
        fuel_left: told.fuel_left,
        cancelled: told.cancelled,
        grants: told.grants,
        asked: host::now(),
    }
}

impl From<types::ActorInfo> for ActorInfo {
    fn from(told: types::ActorInfo) -> Self {
        let types::ActorInfo { actor_id, actor_type, name, generation } = told;
        Self { actor_id, actor_type, name, generation }
    }
}
