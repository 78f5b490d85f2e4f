//! The exports of a component.

use crate::bindings::exports::rustyray::core::guest::{Encoding, Failure, Guest, Manifest, Payload};
use crate::bindings::exports::rustyray::core::server;
use crate::logging::{self, printed};
use crate::{manifest, registry};

/// The module, for the generated glue.
struct Module;

// Exported here, in the SDK: a module with a `main` and no task exports `guest` as well, and so does one with tasks and no
// `main`. The linker keeps the symbols of a bin and of a cdylib.
#[allow(unsafe_code, reason = "the canonical ABI is made of raw pointers; the generator vouches for its code")]
mod symbols {
    use super::Module;

    crate::bindings::export!(Module with_types_in crate::bindings);
}

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
