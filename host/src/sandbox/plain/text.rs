//! Types in WIT's own words.

use wasmtime::component::types::Type;

/// Is it a value that can be written down?
pub fn is_value(ty: &Type) -> bool {
    match ty {
        Type::List(list) => is_value(&list.ty()),
        Type::FixedLengthList(list) => is_value(&list.ty()),
        Type::Option(option) => is_value(&option.ty()),
        Type::Tuple(tuple) => tuple.types().all(|ty| is_value(&ty)),
        Type::Record(record) => record.fields().all(|field| is_value(&field.ty)),
        Type::Variant(variant) => variant.cases().filter_map(|case| case.ty).all(|ty| is_value(&ty)),
        Type::Result(result) => result.ok().iter().chain(&result.err()).all(is_value),
        Type::Map(_) | Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => false,
        Type::Bool | Type::Char | Type::String | Type::Float32 | Type::Float64 | Type::Enum(_) | Type::Flags(_) => true,
        Type::S8 | Type::S16 | Type::S32 | Type::S64 | Type::U8 | Type::U16 | Type::U32 | Type::U64 => true,
    }
}

/// The type as WIT spells it; records and variants by what is in them, since a component does not keep their names.
pub fn of(ty: &Type) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match ty {
        Type::Bool => "bool".to_owned(),
        Type::S8 => "s8".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::S16 => "s16".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::S32 => "s32".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::S64 => "s64".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::Float32 => "f32".to_owned(),
        Type::Float64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::List(items) => format!("list<{}>", of(&items.ty())),
        Type::FixedLengthList(items) => format!("list<{}, {}>", of(&items.ty()), items.len()),
        Type::Option(option) => format!("option<{}>", of(&option.ty())),
        Type::Tuple(tuple) => format!("tuple<{}>", list(tuple.types().map(|ty| of(&ty)).collect())),
        Type::Record(record) => {
            format!("{{{}}}", list(record.fields().map(|field| format!("{}: {}", field.name, of(&field.ty))).collect()))
        }
        Type::Variant(variant) => {
            let case = |(name, ty): (&str, Option<Type>)| match ty {
                Some(ty) => format!("{name}({})", of(&ty)),
                None => name.to_owned(),
            };
            format!("variant {{{}}}", list(variant.cases().map(|each| case((each.name, each.ty))).collect()))
        }
        Type::Enum(names) => format!("enum {{{}}}", list(names.names().map(str::to_owned).collect())),
        Type::Flags(names) => format!("flags {{{}}}", list(names.names().map(str::to_owned).collect())),
        Type::Result(result) => match (result.ok(), result.err()) {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{}>", of(&ok)),
            (ok, Some(err)) => format!("result<{}, {}>", ok.map_or_else(|| "_".to_owned(), |ok| of(&ok)), of(&err)),
        },
        Type::Map(_) | Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            "no value".to_owned()
        }
    }
}
