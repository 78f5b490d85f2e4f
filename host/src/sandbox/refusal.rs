//! Why the engine does not take a component. It tells in words alone what it lacks, and what is damaged.

use wasmtime::component::Component;

use super::module_error::ModuleError;
use crate::types::error::shorten;
use crate::types::limits::ERROR_TEXT_MAX;

/// In each error of the parser that is about the async functions of components, and in no others.
const ASYNC: [&str; 2] = ["the component model async feature", "the component model async stackful feature"];

/// In the errors of the parser and of the compiler about what is switched off, or beyond what an instance has.
const LACKING: [&str; 8] = [
    " feature",
    " proposal",
    "is not enabled",
    "unknown binary version",
    "must be enabled",
    "not supported",
    " disabled",
    "exceeds the",
];

/// The versions of WASI that are newer than the host's begin with this one.
const NEXT_WASI: (u64, u64) = (0, 3);

/// Does it lack async functions of components?
pub fn is_async(error: &wasmtime::Error) -> bool {
    let text = format!("{error:#}");
    ASYNC.iter().any(|feature| text.contains(feature))
}

/// Is something lacking, or is the component damaged?
pub fn of(error: &wasmtime::Error) -> ModuleError {
    let text = format!("{error:#}");
    let is_lacking = LACKING.iter().any(|part| text.contains(part));
    let text = shorten(text, ERROR_TEXT_MAX);
    if is_lacking { ModuleError::Unsupported(text) } else { ModuleError::Invalid(text) }
}

/// The error of a component that needs another WASI than the host's, or is run by one.
pub fn other_wasi(component: &Component) -> Option<ModuleError> {
    let (ty, engine) = (component.component_type(), component.engine());
    let of = |does: &str, mut names: Box<dyn Iterator<Item = String> + '_>| {
        let name = names.find(|name| is_newer(name))?;
        Some(ModuleError::OtherWasi(shorten(format!("{does} {name}"), ERROR_TEXT_MAX)))
    };
    of("imports", Box::new(ty.imports(engine).map(|(name, _)| name.to_owned())))
        .or_else(|| of("exports", Box::new(ty.exports(engine).map(|(name, _)| name.to_owned()))))
}

/// `wasi:cli/run@0.3.0`.
fn is_newer(interface: &str) -> bool {
    let version = interface.strip_prefix("wasi:").and_then(|rest| rest.split_once('@'));
    let mut numbers = version.map_or("", |(_, version)| version).split('.').map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= NEXT_WASI,
        _ => false,
    }
}
