//! How an actor is to live.

use super::delegate::delegate_task_options;
use super::name::check_name;
use super::task::TaskOptions;
use crate::host::types;

/// How an actor is to live. The limits hold for its constructor and each call, memory for its life.
///
/// Mostly met as `Counter::options().name(…).remote(…)`.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// let options = rustyray::ActorOptions::new().name("global").max_restarts(3).detached();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ActorOptions {
    call: TaskOptions,
    name: Option<String>,
    namespace: Option<String>,
    get_if_exists: Option<bool>,
    max_restarts: Option<u32>,
    max_pending_calls: Option<u32>,
    detached: Option<bool>,
    max_concurrency: Option<u32>,
}

impl ActorOptions {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A name to find it by with [`get_actor`](crate::get_actor). Unique among the actors of its type's module in its namespace.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Where among its module's names its own is unique; one of all that say nothing. See [`get_actor_in`](crate::get_actor_in).
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// If there is an actor of its name and type already, that one is meant, and no other is made.
    pub fn get_if_exists(mut self) -> Self {
        self.get_if_exists = Some(true);
        self
    }

    /// How often it may be started again after a crash.
    pub fn max_restarts(mut self, restarts: u32) -> Self {
        self.max_restarts = Some(restarts);
        self
    }

    /// How many calls may wait for it; one more fails.
    pub fn max_pending_calls(mut self, calls: u32) -> Self {
        self.max_pending_calls = Some(calls);
        self
    }

    /// Lives until it is killed, whoever holds a handle.
    pub fn detached(mut self) -> Self {
        self.detached = Some(true);
        self
    }

    /// How many calls it serves at once, those of its concurrency groups aside. Only of a type that declares that it serves
    /// several.
    pub fn max_concurrency(mut self, calls: u32) -> Self {
        self.max_concurrency = Some(calls);
        self
    }

    /// How often to run a call again that runs when the actor crashes; a call's own `max_retries` is stronger. 0 where
    /// nothing is said, so that each call runs at most once.
    pub fn max_task_retries(mut self, retries: u32) -> Self {
        self.call = self.call.max_retries(retries);
        self
    }

    delegate_task_options!(call);

    pub(crate) fn checked(&self) -> Result<types::ActorOptions, String> {
        self.name.iter().chain(&self.namespace).try_for_each(|name| check_name(name))?;
        Ok(types::ActorOptions {
            call: self.call.record()?,
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            get_if_exists: self.get_if_exists,
            max_restarts: self.max_restarts,
            max_pending_calls: self.max_pending_calls,
            detached: self.detached,
            max_concurrency: self.max_concurrency,
        })
    }
}
