//! `Result` as a macro sees it: by its name.

use syn::{GenericArgument, PathArguments, Type};

/// The `T` of a `Result<T, …>`, by its name: a macro sees no types.
pub fn result_value(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
