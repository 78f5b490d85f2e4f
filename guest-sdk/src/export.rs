//! What this module exports: the `guest` interface, over the registry.

use crate::bindings::exports::rustyray::core::guest::{Encoding, Failure, Guest, Manifest, Payload};
use crate::bindings::exports::rustyray::core::server;
use crate::logging::{self, printed};
use crate::{manifest, registry};

/// The module, for the generated glue.
pub(crate) struct Module;

impl Guest for Module {
    fn describe() -> Manifest {
        manifest::manifest()
    }

    fn run_task(name: String, arguments: Vec<Payload>, reply: Encoding) -> Result<Payload, Failure> {
        logging::install();
        printed(registry::run_task(&name, arguments, reply).map_err(|failure| *failure))
    }

    fn construct(actor_type: String, constructor: String, arguments: Vec<Payload>) -> Result<(), Failure> {
        logging::install();
        printed(registry::construct(&actor_type, &constructor, arguments).map_err(|failure| *failure))
    }

    fn save() -> Result<Payload, Failure> {
        printed(registry::save().map_err(|failure| *failure))
    }

    fn restore(actor_type: String, state: Payload) -> Result<(), Failure> {
        logging::install();
        printed(registry::restore(&actor_type, state).map_err(|failure| *failure))
    }

    fn call(method: String, arguments: Vec<Payload>, reply: Encoding) -> Result<Payload, Failure> {
        printed(registry::call(&method, arguments, reply).map_err(|failure| *failure))
    }
}

impl server::Guest for Module {
    fn serve() {
        crate::serving::serve();
    }
}
