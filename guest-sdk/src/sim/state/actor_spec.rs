//! What an actor is, from its creation on. What it is at is in its record.

use crate::bindings::rustyray::core::types::ActorOptions;
use crate::sim::manifest::{ActorType, serves_concurrently};

/// Known to whoever has a handle or a call.
pub(crate) struct ActorSpec {
    pub(crate) id: u64,
    pub(crate) type_name: String,
    pub(crate) constructor: String,
    /// None of a type that does not exist.
    pub(crate) declared: Option<&'static ActorType>,
    pub(crate) options: ActorOptions,
    /// Of a type that serves several calls at once: how many of each lane.
    pub(crate) room: Option<Box<[usize]>>,
}

impl ActorSpec {
    pub(crate) fn new(
        id: u64,
        (type_name, constructor): (&str, &str),
        declared: Option<&'static ActorType>,
        options: ActorOptions,
    ) -> Self {
        let room = room(declared, &options);
        Self { id, type_name: type_name.to_owned(), constructor: constructor.to_owned(), declared, options, room }
    }

    /// Its name, or its type's.
    pub(crate) fn name(&self) -> &str {
        self.options.name.as_deref().unwrap_or(&self.type_name)
    }

    /// The lane that a call of this method waits in.
    pub(crate) fn lane_of(&self, method: &str) -> usize {
        if self.room.is_some() { lane_of(self.declared, method) } else { 0 }
    }

    /// May it start again after this generation?
    pub(crate) fn may_restart(&self, generation: u32) -> bool {
        generation <= self.options.max_restarts.unwrap_or(0)
    }

    /// Does its type declare checkpoints?
    pub(crate) fn is_saved(&self) -> bool {
        self.declared.is_some_and(|declared| declared.checkpoint.is_some())
    }

    /// Calls between two checkpoints; 0 where only those are made that are asked for.
    pub(crate) fn saved_every(&self) -> u32 {
        self.declared.and_then(|declared| declared.checkpoint).unwrap_or(0)
    }
}

/// How many calls are served at once: of the methods that are in no group, and of each group. None where there is one at
/// a time.
fn room(declared: Option<&ActorType>, options: &ActorOptions) -> Option<Box<[usize]>> {
    let declared = declared.filter(|declared| serves_concurrently(declared))?;
    let groups = declared.groups.iter().map(|group| group.max_concurrency);
    Some([options.max_concurrency.unwrap_or(1)].into_iter().chain(groups).map(|max| max as usize).collect())
}

/// The lane of a method's calls.
fn lane_of(declared: Option<&ActorType>, method: &str) -> usize {
    let groups = declared.map_or(&[][..], |declared| &declared.groups);
    let place = groups.iter().position(|group| group.methods.iter().any(|counted| counted == method));
    place.map_or(0, |place| place + 1)
}
