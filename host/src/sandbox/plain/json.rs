//! WIT's values as JSON. Records are objects, tuples and lists arrays, an absent option is `null`; a variant is the name of its
//! case, or an object with that name and what is in it; flags are an array of names.

use serde_json::{Map, Number, Value, json};
use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::budget::Budget;

/// A value of this type.
///
/// # Errors
/// It is none.
pub fn read(value: &Value, ty: &Type, budget: &mut Budget) -> Result<Val, String> {
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
        (Type::String, Value::String(text)) => Ok(Val::String(text.clone())),
        (Type::Float32, Value::Number(number)) => {
            number.as_f64().map(|number| Val::Float32(number as f32)).ok_or_else(|| wrong("a number", value))
        }
        (Type::Float64, Value::Number(number)) => {
            number.as_f64().map(Val::Float64).ok_or_else(|| wrong("a number", value))
        }
        (Type::List(list), Value::Array(items)) => Ok(Val::List(read_all(items, &list.ty(), budget)?)),
        (Type::FixedLengthList(list), Value::Array(items)) if items.len() == list.len() as usize => {
            Ok(Val::FixedLengthList(read_all(items, &list.ty(), budget)?))
        }
        (Type::Tuple(tuple), Value::Array(items)) if items.len() == tuple.types().len() => {
            let parts = tuple.types().zip(items).map(|(ty, item)| read(item, &ty, budget));
            Ok(Val::Tuple(parts.collect::<Result<_, _>>()?))
        }
        (Type::Record(_), Value::Object(fields)) => read_record(ty, fields, budget),
        (Type::Option(_), Value::Null) => Ok(Val::Option(None)),
        (Type::Option(option), value) => Ok(Val::Option(Some(Box::new(read(value, &option.ty(), budget)?)))),
        (Type::Enum(names), Value::String(name)) if names.names().any(|known| known == name) => {
            Ok(Val::Enum(name.clone()))
        }
        (Type::Enum(names), value) => Err(wrong(&format!("one of {}", all(names.names())), value)),
        (Type::Flags(known), Value::Array(names)) => {
            let flag = |name: &Value| match name.as_str().filter(|name| known.names().any(|known| known == *name)) {
                Some(name) => Ok(name.to_owned()),
                None => Err(wrong(&format!("some of {}", all(known.names())), name)),
            };
            Ok(Val::Flags(names.iter().map(flag).collect::<Result<_, _>>()?))
        }
        (Type::Variant(variant), value) => {
            let (name, inner) = case(value).ok_or_else(|| wrong("the name of a case", value))?;
            let mut cases = variant.cases();
            let Some(found) = cases.find(|case| case.name == name) else {
                return Err(wrong(&format!("one of {}", all(variant.cases().map(|case| case.name))), value));
            };
            Ok(Val::Variant(name.to_owned(), read_case(inner, found.ty, value, budget)?))
        }
        (Type::Result(result), value) => match case(value) {
            Some(("ok", inner)) => Ok(Val::Result(Ok(read_case(inner, result.ok(), value, budget)?))),
            Some(("err", inner)) => Ok(Val::Result(Err(read_case(inner, result.err(), value, budget)?))),
            _ => Err(wrong("ok or err", value)),
        },
        (ty, Value::Number(number)) => integer(ty, number).ok_or_else(|| wrong(&super::text::of(ty), value)),
        (ty, value) => Err(wrong(&super::text::of(ty), value)),
    }
}

fn read_all(items: &[Value], ty: &Type, budget: &mut Budget) -> Result<Vec<Val>, String> {
    items.iter().map(|item| read(item, ty, budget)).collect()
}

fn read_record(ty: &Type, fields: &Map<String, Value>, budget: &mut Budget) -> Result<Val, String> {
    let record = ty.unwrap_record();
    if let Some(unknown) = fields.keys().find(|name| record.fields().all(|field| field.name != name.as_str())) {
        return Err(format!(
            "there is no field `{unknown}`: there are {}",
            all(record.fields().map(|field| field.name))
        ));
    }
    let field = |(name, ty): (&str, &Type)| {
        let value = match (fields.get(name), ty) {
            (Some(value), _) => value,
            (None, Type::Option(_)) => &Value::Null,
            (None, _) => return Err(format!("the field `{name}` is missing")),
        };
        let read = read(value, ty, budget).map_err(|why| format!("`{name}`: {why}"))?;
        Ok((name.to_owned(), read))
    };
    let types: Vec<_> = record.fields().map(|each| (each.name, each.ty)).collect();
    Ok(Val::Record(types.iter().map(|(name, ty)| (*name, ty)).map(field).collect::<Result<_, _>>()?))
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
    ty: Option<Type>,
    whole: &Value,
    budget: &mut Budget,
) -> Result<Option<Box<Val>>, String> {
    match (inner, ty) {
        (None | Some(Value::Null), None) => Ok(None),
        (Some(inner), Some(ty)) => read(inner, &ty, budget).map(|value| Some(Box::new(value))),
        (None, Some(ty)) => Err(wrong(&format!("a value with it, {}", super::text::of(&ty)), whole)),
        (Some(_), None) => Err(wrong("no value with it", whole)),
    }
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

fn all<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn wrong(expected: &str, value: &Value) -> String {
    let mut given = value.to_string();
    if given.len() > 60 {
        given = given.chars().take(57).chain("…".chars()).collect();
    }
    format!("{expected} is expected, and this is {given}")
}

/// The value of this type, as JSON. Numbers that JSON has no words for are `null`.
///
/// # Errors
/// It is not of this type.
pub fn write(value: &Val, ty: &Type) -> Result<Value, String> {
    Ok(match (value, ty) {
        (Val::Bool(value), _) => json!(value),
        (Val::S8(value), _) => json!(value),
        (Val::U8(value), _) => json!(value),
        (Val::S16(value), _) => json!(value),
        (Val::U16(value), _) => json!(value),
        (Val::S32(value), _) => json!(value),
        (Val::U32(value), _) => json!(value),
        (Val::S64(value), _) => json!(value),
        (Val::U64(value), _) => json!(value),
        (Val::Float32(value), _) => json!(value),
        (Val::Float64(value), _) => json!(value),
        (Val::Char(value), _) => json!(value),
        (Val::String(value) | Val::Enum(value), _) => json!(value),
        (Val::Flags(names), _) => json!(names),
        (Val::List(items), Type::List(list)) => write_all(items, &list.ty())?,
        (Val::FixedLengthList(items), Type::FixedLengthList(list)) => write_all(items, &list.ty())?,
        (Val::Tuple(items), Type::Tuple(tuple)) => {
            items.iter().zip(tuple.types()).map(|(item, ty)| write(item, &ty)).collect::<Result<_, _>>()?
        }
        (Val::Record(fields), Type::Record(record)) => {
            let field = |((name, value), field): (&(String, Val), wasmtime::component::types::Field<'_>)| {
                Ok((name.clone(), write(value, &field.ty)?))
            };
            Value::Object(fields.iter().zip(record.fields()).map(field).collect::<Result<_, String>>()?)
        }
        (Val::Option(None), _) => Value::Null,
        (Val::Option(Some(value)), Type::Option(option)) => write(value, &option.ty())?,
        (Val::Variant(name, inner), Type::Variant(variant)) => {
            let found = variant.cases().find(|case| case.name == name).ok_or("a case that it does not have")?;
            write_case(name, inner.as_deref(), found.ty)?
        }
        (Val::Result(Ok(inner)), Type::Result(result)) => write_case("ok", inner.as_deref(), result.ok())?,
        (Val::Result(Err(inner)), Type::Result(result)) => write_case("err", inner.as_deref(), result.err())?,
        _ => return Err(super::text::of(ty)),
    })
}

fn write_all(items: &[Val], ty: &Type) -> Result<Value, String> {
    items.iter().map(|item| write(item, ty)).collect()
}

fn write_case(name: &str, inner: Option<&Val>, ty: Option<Type>) -> Result<Value, String> {
    match (inner, ty) {
        (Some(inner), Some(ty)) => Ok(json!({ name: write(inner, &ty)? })),
        _ => Ok(json!(name)),
    }
}
