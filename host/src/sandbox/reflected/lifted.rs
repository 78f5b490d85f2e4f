//! What a function gave, as the engine makes values of it: the engine counts what it copies out of a guest, but not all that this takes.

use wasmtime::component::Val;
use wasmtime::component::types::Type;

use crate::types::limits::WIT_ALLOCATION_BYTES;

/// A list of more bytes has an end that nobody has touched, which is no memory yet.
const TOUCHED_BYTES: usize = 4096;

/// How many bytes of memory a value may take for each that the engine counts, where it is one of many: a list or a record of one, or a
/// short text, takes two to four times as much with what the allocator adds.
const SMALL_PARTS: usize = 4;
/// A flag is counted by the letters of its name alone.
const FLAGS: usize = 32;

/// How many bytes of memory a result of this type takes at most for each that the engine counts, about. Of what is there once it is 1.
pub fn bytes_each(ty: &Type) -> usize {
    within(ty, false)
}

fn within(ty: &Type, is_one_of_many: bool) -> usize {
    let inside = |ty: Type| within(&ty, is_one_of_many);
    let (inner, many) = match ty {
        Type::List(list) => (within(&list.ty(), true), SMALL_PARTS),
        Type::FixedLengthList(list) => (within(&list.ty(), true), SMALL_PARTS),
        Type::Option(option) => (inside(option.ty()), SMALL_PARTS),
        Type::Tuple(tuple) => (tuple.types().map(inside).max().unwrap_or(1), SMALL_PARTS),
        Type::Record(record) => (record.fields().map(|field| inside(field.ty)).max().unwrap_or(1), SMALL_PARTS),
        Type::Variant(variant) => {
            (variant.cases().filter_map(|case| case.ty).map(inside).max().unwrap_or(1), SMALL_PARTS)
        }
        Type::Result(result) => {
            (result.ok().into_iter().chain(result.err()).map(inside).max().unwrap_or(1), SMALL_PARTS)
        }
        Type::String | Type::Enum(_) => (1, SMALL_PARTS),
        Type::Flags(_) => (1, FLAGS),
        _ => (1, 1),
    };
    if is_one_of_many { inner.max(many) } else { inner }
}

/// Bytes of memory that these values take.
pub fn bytes(values: &[Val]) -> usize {
    values.iter().map(|value| size_of::<Val>().saturating_add(inside(value))).fold(0, usize::saturating_add)
}

/// Bytes that a value takes beside its own place.
fn inside(value: &Val) -> usize {
    match value {
        Val::String(text) | Val::Enum(text) => of_text(text),
        // All of its items are of one type.
        Val::List(items) if items.first().is_none_or(is_plain) => places(items),
        Val::List(items) | Val::FixedLengthList(items) | Val::Tuple(items) => {
            sum(places(items), items.iter().map(inside))
        }
        Val::Map(pairs) => {
            sum(places(pairs), pairs.iter().map(|(key, value)| inside(key).saturating_add(inside(value))))
        }
        Val::Record(fields) => {
            sum(places(fields), fields.iter().map(|(name, value)| of_text(name).saturating_add(inside(value))))
        }
        Val::Flags(names) => sum(places(names), names.iter().map(of_text)),
        Val::Variant(name, inner) => of_text(name).saturating_add(boxed(inner.as_deref())),
        Val::Option(inner) | Val::Result(Ok(inner) | Err(inner)) => boxed(inner.as_deref()),
        _ => 0,
    }
}

/// Is there nothing beside its own place?
fn is_plain(value: &Val) -> bool {
    matches!(
        value,
        Val::Bool(_)
            | Val::S8(_)
            | Val::U8(_)
            | Val::S16(_)
            | Val::U16(_)
            | Val::S32(_)
            | Val::U32(_)
            | Val::S64(_)
            | Val::U64(_)
            | Val::Float32(_)
            | Val::Float64(_)
            | Val::Char(_)
    )
}

fn of_text(text: &String) -> usize {
    allocated(text.capacity())
}

fn boxed(value: Option<&Val>) -> usize {
    value.map_or(0, |value| allocated(size_of::<Val>()).saturating_add(inside(value)))
}

fn places<T>(items: &Vec<T>) -> usize {
    let whole = items.capacity().saturating_mul(size_of::<T>());
    allocated(if whole > TOUCHED_BYTES { size_of_val(&items[..]) } else { whole })
}

/// What is allocated for so many bytes.
fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        some => some.saturating_add(WIT_ALLOCATION_BYTES),
    }
}

fn sum(first: usize, more: impl Iterator<Item = usize>) -> usize {
    more.fold(first, usize::saturating_add)
}
