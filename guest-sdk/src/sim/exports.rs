//! What the host calls in a program: its exports. The program is above, and puts them in.

use std::sync::OnceLock;

use super::manifest::{ActorType, Function, Manifest};
use super::payload::Payload;
pub(super) use crate::bindings::exports::rustyray::core::guest::Failure;
use crate::bindings::rustyray::core::types::Encoding;

/// The module's name in contexts and errors.
pub(super) const MODULE: &str = "test";

/// How guests want their values: the manifest says so, too.
pub(super) const REPLY: Encoding = Encoding::Bincode;

/// How a program answers.
pub(super) type Answer<T> = Result<T, Box<Failure>>;

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
    pub(super) fn function(&self, name: &str) -> Option<&'static Function> {
        self.manifest().tasks.iter().find(|function| function.name == name)
    }

    pub(super) fn actor_type(&self, name: &str) -> Option<&'static ActorType> {
        self.manifest().actors.iter().find(|actor| actor.name == name)
    }

    /// All tests of a process are of one program.
    fn manifest(&self) -> &'static Manifest {
        static MANIFEST: OnceLock<Manifest> = OnceLock::new();
        MANIFEST.get_or_init(self.describe)
    }
}
