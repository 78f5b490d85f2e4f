//! What this crate's own tests look at: what a runtime was asked.

use crate::bindings::rustyray::core::types::TaskOptions;

#[derive(Default)]
pub(crate) struct Recorded {
    pub(crate) calls: Vec<String>,
    pub(crate) options: Option<TaskOptions>,
}
