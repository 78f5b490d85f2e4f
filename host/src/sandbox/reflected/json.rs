//! WIT's values from JSON. Records are objects, tuples and lists arrays, an absent option is `null`; a variant is the name of its
//! case, or an object with that name and what is in it; flags are an array of names. An option in an option is an object with
//! `some` in it, since `null` can be but one of the two. What JSON has no number for is a text, and whole numbers of 64 bits may be.

use std::collections::HashSet;
use std::io;

use serde_json::{Map, Number, Value};
use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::budget::Budget;
use super::text::{self, brief_name, brief_names};
use crate::types::limits::ERROR_TEXT_MAX;

/// A value of this type.
///
/// # Errors
/// It is none.
pub fn read(value: &Value, ty: &Type, budget: &mut Budget<'_>) -> Result<Val, String> {
    budget.take(1)?;
    match (ty, value) {
        (Type::Bool, Value::Bool(value)) => Ok(Val::Bool(*value)),
        (Type::Char, Value::String(text)) => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(char), None) => Ok(Val::Char(char)),
                _ => Err(wrong("one character", value)),
            }
        }
        (Type::String, Value::String(text)) => {
            budget.own_text(text.len())?;
            Ok(Val::String(text.clone()))
        }
        (Type::Float32 | Type::Float64, value) => float(ty, value).ok_or_else(|| wrong(&expected_float(ty), value)),
        (Type::U64, Value::String(text)) => whole(text).map(Val::U64).ok_or_else(|| wrong("u64", value)),
        (Type::S64, Value::String(text)) => whole(text).map(Val::S64).ok_or_else(|| wrong("s64", value)),
        (Type::List(list), Value::Array(items)) => Ok(Val::List(read_all(items, &list.ty(), budget)?)),
        (Type::FixedLengthList(list), Value::Array(items)) if items.len() == list.len() as usize => {
            Ok(Val::FixedLengthList(read_all(items, &list.ty(), budget)?))
        }
        (Type::Tuple(tuple), Value::Array(items)) if items.len() == tuple.types().len() => {
            let mut parts = budget.list(items.len())?;
            for (ty, item) in tuple.types().zip(items) {
                parts.push(read(item, &ty, budget)?);
            }
            Ok(Val::Tuple(parts))
        }
        (Type::Record(_), Value::Object(fields)) => read_record(ty, fields, budget),
        (Type::Option(_), Value::Null) => Ok(Val::Option(None)),
        (Type::Option(option), value) => {
            let inner = option.ty();
            let held = if is_option(&inner) { held(value).ok_or_else(|| wrong(SOME, value))? } else { value };
            Ok(Val::Option(Some(read_boxed(held, &inner, budget)?)))
        }
        (Type::Enum(_), value) => {
            let cases = budget.cases(ty)?;
            match value.as_str().filter(|name| cases.named(name).is_some()) {
                Some(name) => {
                    budget.own_text(name.len())?;
                    Ok(Val::Enum(name.to_owned()))
                }
                None => Err(wrong(&format!("one of {}", brief_names(cases.names())), value)),
            }
        }
        (Type::Flags(known), Value::Array(names)) => {
            let mut flags = budget.list(names.len())?;
            for name in names {
                budget.take(1)?;
                let flag = name.as_str().filter(|name| known.names().any(|known| known == *name));
                let flag = flag.ok_or_else(|| wrong(&format!("some of {}", brief_names(known.names())), name))?;
                budget.own_text(flag.len())?;
                flags.push(flag.to_owned());
            }
            Ok(Val::Flags(flags))
        }
        (Type::Variant(_), value) => {
            let (name, inner) = case(value).ok_or_else(|| wrong("the name of a case", value))?;
            let cases = budget.cases(ty)?;
            let Some((_, ty)) = cases.named(name) else {
                return Err(wrong(&format!("one of {}", brief_names(cases.names())), value));
            };
            budget.own_text(name.len())?;
            Ok(Val::Variant(name.to_owned(), read_case(inner, ty, value, budget)?))
        }
        (Type::Result(result), value) => match case(value) {
            Some(("ok", inner)) => Ok(Val::Result(Ok(read_case(inner, result.ok().as_ref(), value, budget)?))),
            Some(("err", inner)) => Ok(Val::Result(Err(read_case(inner, result.err().as_ref(), value, budget)?))),
            _ => Err(wrong("ok or err", value)),
        },
        (ty, Value::Number(number)) => integer(ty, number).ok_or_else(|| wrong(&text::brief(ty), value)),
        (ty, value) => Err(wrong(&text::brief(ty), value)),
    }
}

fn read_all(items: &[Value], ty: &Type, budget: &mut Budget<'_>) -> Result<Vec<Val>, String> {
    let mut values = budget.list(items.len())?;
    for item in items {
        values.push(read(item, ty, budget)?);
    }
    Ok(values)
}

fn read_boxed(value: &Value, ty: &Type, budget: &mut Budget<'_>) -> Result<Box<Val>, String> {
    budget.boxed()?;
    read(value, ty, budget).map(Box::new)
}

fn read_record(ty: &Type, fields: &Map<String, Value>, budget: &mut Budget<'_>) -> Result<Val, String> {
    let record = ty.unwrap_record();
    // All of them are counted first: to look for each among ten thousand takes too long, and is done for the words of an error alone.
    if record.fields().filter(|field| fields.contains_key(field.name)).count() < fields.len() {
        let known: HashSet<_> = record.fields().map(|field| field.name).collect();
        let unknown = fields.keys().find(|name| !known.contains(name.as_str())).map_or("", String::as_str);
        let unknown = brief_name(unknown);
        let names = brief_names(record.fields().map(|field| field.name));
        return Err(format!("there is no field `{unknown}`: there are {names}"));
    }
    let types: Vec<_> = record.fields().map(|each| (each.name, each.ty)).collect();
    let mut values = budget.list(types.len())?;
    for (name, ty) in &types {
        values.push(read_field(name, ty, fields, budget)?);
    }
    Ok(Val::Record(values))
}

fn read_field(
    name: &str,
    ty: &Type,
    fields: &Map<String, Value>,
    budget: &mut Budget<'_>,
) -> Result<(String, Val), String> {
    let value = match (fields.get(name), ty) {
        (Some(value), _) => value,
        (None, Type::Option(_)) => &Value::Null,
        (None, _) => return Err(format!("the field `{}` is missing", brief_name(name))),
    };
    budget.name(name)?;
    let read = read(value, ty, budget).map_err(|why| in_field(name, why))?;
    Ok((name.to_owned(), read))
}

/// What is wrong within a field. Deep inside others its name says less than what is wrong.
fn in_field(name: &str, why: String) -> String {
    if why.len() > ERROR_TEXT_MAX / 2 { why } else { format!("`{}`: {why}", brief_name(name)) }
}

/// `"name"`, or `{"name": what is in it}`.
fn case(value: &Value) -> Option<(&str, Option<&Value>)> {
    match value {
        Value::String(name) => Some((name, None)),
        Value::Object(one) if one.len() == 1 => one.iter().next().map(|(name, inner)| (name.as_str(), Some(inner))),
        _ => None,
    }
}

fn read_case(
    inner: Option<&Value>,
    ty: Option<&Type>,
    whole: &Value,
    budget: &mut Budget<'_>,
) -> Result<Option<Box<Val>>, String> {
    match (inner, ty) {
        (None | Some(Value::Null), None) => Ok(None),
        (Some(inner), Some(ty)) => read_boxed(inner, ty, budget).map(Some),
        (None, Some(ty)) => Err(wrong(&format!("a value with it, {}", text::brief(ty)), whole)),
        (Some(_), None) => Err(wrong("no value with it", whole)),
    }
}

/// What an option in an option has to be.
const SOME: &str = "null or {\"some\": …}, with null or a value in it,";

/// Would its `null` be taken for that of an option around it?
pub(super) fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}

/// What is in `{"some": …}`.
fn held(value: &Value) -> Option<&Value> {
    value.as_object().filter(|one| one.len() == 1)?.get("some")
}

/// A number, or a text for what is none. One that is too large for the type is no infinity.
fn float(ty: &Type, value: &Value) -> Option<Val> {
    let number = match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite())?,
        Value::String(text) => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => return None,
        },
        _ => return None,
    };
    match ty {
        Type::Float32 => {
            Some(number as f32).filter(|near| near.is_infinite() == number.is_infinite()).map(Val::Float32)
        }
        _ => Some(Val::Float64(number)),
    }
}

fn expected_float(ty: &Type) -> String {
    format!("{} (a number in its range, \"NaN\", \"Infinity\" or \"-Infinity\")", text::brief(ty))
}

/// A whole number of 64 bits as a text, which programs write that have no such numbers: digits, perhaps with a minus.
fn whole<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

fn integer(ty: &Type, number: &Number) -> Option<Val> {
    let (signed, unsigned) = (number.as_i64(), number.as_u64());
    match ty {
        Type::S8 => signed?.try_into().ok().map(Val::S8),
        Type::S16 => signed?.try_into().ok().map(Val::S16),
        Type::S32 => signed?.try_into().ok().map(Val::S32),
        Type::S64 => signed.map(Val::S64),
        Type::U8 => unsigned?.try_into().ok().map(Val::U8),
        Type::U16 => unsigned?.try_into().ok().map(Val::U16),
        Type::U32 => unsigned?.try_into().ok().map(Val::U32),
        Type::U64 => unsigned.map(Val::U64),
        _ => None,
    }
}

fn wrong(expected: &str, value: &Value) -> String {
    let mut given = Beginning(Vec::new());
    // It ends with an error where there is more, which is why there is less to do.
    let _ = serde_json::to_writer(&mut given, value);
    let mut given = String::from_utf8_lossy(&given.0).into_owned();
    if given.len() > 60 {
        given = given.chars().take(57).chain("…".chars()).collect();
    }
    format!("{expected} is expected, and this is {given}")
}

/// The first bytes of a text that may be as long as an argument: enough for sixty characters.
struct Beginning(Vec<u8>);

impl io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = 256_usize.saturating_sub(self.0.len());
        self.0.extend(bytes.iter().take(room));
        // None of them, where there is no room, is an error for who writes all.
        Ok(bytes.len().min(room))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
