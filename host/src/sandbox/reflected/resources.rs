//! Resources that a component exports: which functions give one, and which are methods of one.

use wasmtime::component::ResourceType;
use wasmtime::component::types::{ComponentFunc, Type};

/// The resource that a type is a handle of.
pub fn of(ty: &Type) -> Option<ResourceType> {
    match ty {
        Type::Own(resource) | Type::Borrow(resource) => Some(*resource),
        _ => None,
    }
}

/// The resource that a function gives, perhaps as the `ok` of a result.
pub fn given_by(ty: &ComponentFunc) -> Option<ResourceType> {
    match ty.results().next()? {
        Type::Result(result) => result.ok().as_ref().and_then(of),
        ty => of(&ty),
    }
}

/// The resource that a function is a method of.
pub fn method_of(name: &str, ty: &ComponentFunc) -> Option<ResourceType> {
    let own_name = name.rsplit('#').next().unwrap_or(name);
    let first = ty.params().next().filter(|_| own_name.starts_with("[method]"));
    first.and_then(|(_, ty)| of(&ty))
}

/// What a function is called as a step: `new`, `add`.
pub fn step_name(name: &str) -> &str {
    let own_name = name.rsplit('#').next().unwrap_or(name);
    match own_name.split_once(']') {
        Some(("[constructor", _)) => "new",
        Some((_, rest)) => rest.split_once('.').map_or(rest, |(_, step)| step),
        None => own_name,
    }
}
