//! What this module exports: the `guest` interface, over the registry.

use crate::bindings::exports::rustyray::core::guest::{Encoding, Failure, Guest, Manifest, Payload};
use crate::{logging, manifest, registry};

/// The module, for the generated glue.
pub(crate) struct Module;

impl Guest for Module {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn run_task(name: String, arguments: Vec<Payload>, reply: Encoding) -> Result<Payload, Failure> {
        logging::install();
        registry::run_task(&name, arguments, reply)
    }

    fn construct(actor_type: String, constructor: String, arguments: Vec<Payload>) -> Result<(), Failure> {
        logging::install();
        registry::construct(&actor_type, &constructor, arguments)
    }

    fn call(method: String, arguments: Vec<Payload>, reply: Encoding) -> Result<Payload, Failure> {
        registry::call(&method, arguments, reply)
    }
}
