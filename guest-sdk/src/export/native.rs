//! The exports for the host in a test's process, which is another host of the same program.

use crate::sim::Exports;
use crate::{manifest, registry, serving};

pub(crate) const EXPORTS: Exports = Exports {
    describe: manifest::manifest,
    run_task: registry::run_task,
    construct: registry::construct,
    call: registry::call,
    save: registry::save,
    restore: registry::restore,
    serve: serving::serve,
};
