//! What the host calls in a program: its exports. The program is above, and puts them in.

use std::sync::OnceLock;

pub(crate) use crate::bindings::exports::rustyray::core::guest::Failure;
use crate::bindings::rustyray::core::types::Encoding;
use crate::sim::manifest::{ActorType, Function, Manifest};
use crate::sim::state::payload::Payload;

/// The module's name in contexts and errors.
pub(crate) const MODULE: &str = "test";

/// How guests want their values: the manifest says so, too.
pub(crate) const REPLY: Encoding = Encoding::Bincode;

/// How a program answers.
pub(crate) type Answer<T> = Result<T, Box<Failure>>;

/// The functions of the interfaces `guest` and `server`.
#[derive(Clone, Copy)]
pub(crate) struct Exports {
    pub(crate) describe: fn() -> Manifest,
    pub(crate) run_task: fn(&str, Vec<Payload>, Encoding) -> Answer<Payload>,
    pub(crate) construct: fn(&str, &str, Vec<Payload>) -> Answer<()>,
    pub(crate) call: fn(&str, Vec<Payload>, Encoding) -> Answer<Payload>,
    pub(crate) save: fn() -> Answer<Payload>,
    pub(crate) restore: fn(&str, Payload) -> Answer<()>,
    pub(crate) serve: fn(),
}

impl Exports {
    pub(crate) fn function(&self, name: &str) -> Option<&'static Function> {
        self.manifest().tasks.iter().find(|function| function.name == name)
    }

    pub(crate) fn actor_type(&self, name: &str) -> Option<&'static ActorType> {
        self.manifest().actors.iter().find(|actor| actor.name == name)
    }

    /// All tests of a process are of one program.
    fn manifest(&self) -> &'static Manifest {
        static MANIFEST: OnceLock<Manifest> = OnceLock::new();
        MANIFEST.get_or_init(self.describe)
    }
}
