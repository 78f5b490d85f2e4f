//! Types in WIT's own words.

use wasmtime::component::types::Type;

use crate::types::error::shorten;
use crate::types::limits::{ERROR_TEXT_MAX, NAME_BYTES_MAX};

/// Why it is no value that can be written down, if it is none. The parser lets no component have exports whose types have more than a
/// million parts together, each counted wherever it is used.
pub fn why_no_value(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::List(list) => why_no_value(&list.ty()),
        Type::FixedLengthList(list) => why_no_value(&list.ty()),
        Type::Option(option) => why_no_value(&option.ty()),
        Type::Tuple(tuple) => tuple.types().find_map(|ty| why_no_value(&ty)),
        Type::Record(record) => record.fields().find_map(|field| why_no_value(&field.ty)),
        Type::Variant(variant) => variant.cases().filter_map(|case| case.ty).find_map(|ty| why_no_value(&ty)),
        Type::Result(result) => result.ok().iter().chain(&result.err()).find_map(why_no_value),
        Type::Own(_) | Type::Borrow(_) => Some("it takes or gives a resource inside another value"),
        Type::Future(_) | Type::Stream(_) => Some("it takes or gives a future or a stream of WIT"),
        Type::ErrorContext => Some("it takes or gives an error-context of WIT"),
        Type::Map(_) => Some("it takes or gives a map of WIT"),
        Type::Bool | Type::Char | Type::String | Type::Float32 | Type::Float64 | Type::Enum(_) | Type::Flags(_) => None,
        Type::S8 | Type::S16 | Type::S32 | Type::S64 | Type::U8 | Type::U16 | Type::U32 | Type::U64 => None,
    }
}

/// The type as it stands in an error, where what is wrong has to have room behind it.
pub fn brief(ty: &Type) -> String {
    shorten(of(ty), NAME_BYTES_MAX)
}

/// A name as it stands in an error.
pub fn brief_name(name: &str) -> String {
    shorten(beginning(name).to_owned(), NAME_BYTES_MAX)
}

/// Names as they stand in an error: of many the first ones.
pub fn brief_names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        let comma = if text.is_empty() { "" } else { ", " };
        if text.len() > 2 * NAME_BYTES_MAX {
            return text + ", …";
        }
        text = text + comma + &brief_name(name);
    }
    text
}

/// The type as WIT spells it; records and variants by what is in them, since a component does not keep their names. Of a long one it is
/// the beginning: a type can have a million parts, of which each is a few bytes of its component.
pub fn of(ty: &Type) -> String {
    let mut text = Text::default();
    text.add(ty);
    shorten(text.0, ERROR_TEXT_MAX)
}

/// A name of a component's; of a long one the beginning.
pub fn name(name: &str) -> String {
    shorten(beginning(name).to_owned(), ERROR_TEXT_MAX)
}

/// As much of a text as is needed to shorten it: names are as long as their component likes.
fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(ERROR_TEXT_MAX + 4)]
}

/// A text that is not made longer than it will be shown.
#[derive(Default)]
struct Text(String);

impl Text {
    fn is_full(&self) -> bool {
        self.0.len() > ERROR_TEXT_MAX
    }

    fn push(&mut self, part: &str) {
        if !self.is_full() {
            self.0.push_str(beginning(part));
        }
    }

    /// Parts between these brackets.
    fn list<T>(&mut self, open: &str, parts: impl IntoIterator<Item = T>, add: impl Fn(&mut Self, T), close: &str) {
        self.push(open);
        for (index, part) in parts.into_iter().enumerate() {
            if self.is_full() {
                return;
            }
            if index > 0 {
                self.push(", ");
            }
            add(self, part);
        }
        self.push(close);
    }

    fn named(&mut self, name: &str, between: &str, ty: &Type) {
        self.push(name);
        self.push(between);
        self.add(ty);
    }

    fn add(&mut self, ty: &Type) {
        let word = match ty {
            Type::Bool => "bool",
            Type::S8 => "s8",
            Type::U8 => "u8",
            Type::S16 => "s16",
            Type::U16 => "u16",
            Type::S32 => "s32",
            Type::U32 => "u32",
            Type::S64 => "s64",
            Type::U64 => "u64",
            Type::Float32 => "f32",
            Type::Float64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::List(items) => return self.list("list<", [items.ty()], |text, ty| text.add(&ty), ">"),
            Type::FixedLengthList(items) => {
                self.list("list<", [items.ty()], |text, ty| text.add(&ty), ", ");
                self.push(&items.len().to_string());
                ">"
            }
            Type::Option(option) => return self.list("option<", [option.ty()], |text, ty| text.add(&ty), ">"),
            Type::Tuple(tuple) => return self.list("tuple<", tuple.types(), |text, ty| text.add(&ty), ">"),
            Type::Record(record) => {
                return self.list("{", record.fields(), |text, field| text.named(field.name, ": ", &field.ty), "}");
            }
            Type::Variant(variant) => {
                let case = |text: &mut Self, (name, ty): (&str, Option<Type>)| match ty {
                    Some(ty) => {
                        text.named(name, "(", &ty);
                        text.push(")");
                    }
                    None => text.push(name),
                };
                return self.list("variant {", variant.cases().map(|each| (each.name, each.ty)), case, "}");
            }
            Type::Enum(names) => return self.list("enum {", names.names(), Self::push, "}"),
            Type::Flags(names) => return self.list("flags {", names.names(), Self::push, "}"),
            Type::Result(result) => match (result.ok(), result.err()) {
                (None, None) => "result",
                (Some(ok), None) => return self.list("result<", [ok], |text, ty| text.add(&ty), ">"),
                (ok, Some(err)) => {
                    let part = |text: &mut Self, ty: Option<Type>| match ty {
                        Some(ty) => text.add(&ty),
                        None => text.push("_"),
                    };
                    return self.list("result<", [ok, Some(err)], part, ">");
                }
            },
            Type::Own(_) | Type::Borrow(_) => "resource",
            Type::Map(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => "no value",
        };
        self.push(word);
    }
}
