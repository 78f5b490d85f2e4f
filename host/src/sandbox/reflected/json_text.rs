//! WIT's values to JSON, in the form in which they are [read](super::json): as text, so that fields stay in the order in which their
//! record declares them, and numbers have the digits of their own type.

use serde::Serialize;
use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::budget::Budget;
use super::json::is_option;

/// The value of this type, as JSON.
///
/// # Errors
/// It is not of this type.
pub fn write(value: &Val, ty: &Type, budget: &mut Budget<'_>) -> Result<String, String> {
    let mut text = Text { written: Vec::new(), budget };
    text.value(value, ty)?;
    String::from_utf8(text.written).map_err(|error| error.to_string())
}

/// No number, and no character with its quotes, has more bytes.
const PLAIN_BYTES_MAX: usize = 32;

/// Bytes of a text in JSON, its quotes included: what no text has as it is takes up to six.
fn quoted_bytes(text: &str) -> usize {
    let bytes = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(bytes).fold(2, usize::saturating_add)
}

struct Text<'a, 'b> {
    written: Vec<u8>,
    budget: &'a mut Budget<'b>,
}

impl Text<'_, '_> {
    fn value(&mut self, value: &Val, ty: &Type) -> Result<(), String> {
        self.budget.step(1)?;
        match (value, ty) {
            (Val::Bool(value), _) => self.plain(value),
            (Val::S8(value), _) => self.plain(value),
            (Val::U8(value), _) => self.plain(value),
            (Val::S16(value), _) => self.plain(value),
            (Val::U16(value), _) => self.plain(value),
            (Val::S32(value), _) => self.plain(value),
            (Val::U32(value), _) => self.plain(value),
            (Val::S64(value), _) => self.plain(value),
            (Val::U64(value), _) => self.plain(value),
            (Val::Float32(value), _) if value.is_finite() => self.plain(value),
            (Val::Float32(value), _) => self.plain(no_number(f64::from(*value))),
            (Val::Float64(value), _) if value.is_finite() => self.plain(value),
            (Val::Float64(value), _) => self.plain(no_number(*value)),
            (Val::Char(value), _) => self.plain(value),
            (Val::String(value) | Val::Enum(value), _) => self.text(value),
            (Val::Flags(names), _) => self.parts(["[", "]"], names.iter(), |text, name| text.text(name)),
            (Val::List(items), Type::List(list)) => {
                let ty = list.ty();
                self.list(items.iter().map(|item| (item, &ty)))
            }
            (Val::FixedLengthList(items), Type::FixedLengthList(list)) => {
                let ty = list.ty();
                self.list(items.iter().map(|item| (item, &ty)))
            }
            (Val::Tuple(items), Type::Tuple(tuple)) => {
                let types: Vec<_> = tuple.types().collect();
                self.list(items.iter().zip(&types))
            }
            (Val::Record(fields), Type::Record(record)) => {
                let types: Vec<_> = record.fields().map(|field| field.ty).collect();
                let fields = fields.iter().zip(&types);
                self.parts(["{", "}"], fields, |text, ((name, value), ty)| text.named(name, value, ty))
            }
            (Val::Option(None), _) => self.push("null"),
            (Val::Option(Some(value)), Type::Option(option)) => match option.ty() {
                inner if is_option(&inner) => self.object("some", value, &inner),
                inner => self.value(value, &inner),
            },
            (Val::Variant(name, inner), Type::Variant(_)) => {
                let cases = self.budget.cases(ty)?;
                let (_, ty) = cases.named(name).ok_or("a case that it does not have")?;
                self.case(name, inner.as_deref(), ty)
            }
            (Val::Result(Ok(inner)), Type::Result(result)) => self.case("ok", inner.as_deref(), result.ok().as_ref()),
            (Val::Result(Err(inner)), Type::Result(result)) => {
                self.case("err", inner.as_deref(), result.err().as_ref())
            }
            _ => Err(super::text::brief(ty)),
        }
    }

    /// What is as in Rust: of numbers the fewest digits that mean them and no other.
    fn plain(&mut self, value: impl Serialize) -> Result<(), String> {
        self.of_at_most(PLAIN_BYTES_MAX, value)
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        self.budget.text(text.len())?;
        self.of_at_most(quoted_bytes(text), text)
    }

    fn of_at_most(&mut self, bytes: usize, value: impl Serialize) -> Result<(), String> {
        self.budget.room(&mut self.written, bytes)?;
        serde_json::to_writer(&mut self.written, &value).map_err(|error| error.to_string())
    }

    fn push(&mut self, text: &str) -> Result<(), String> {
        self.budget.room(&mut self.written, text.len())?;
        self.written.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn list<'a>(&mut self, items: impl Iterator<Item = (&'a Val, &'a Type)>) -> Result<(), String> {
        self.parts(["[", "]"], items, |text, (item, ty)| text.value(item, ty))
    }

    /// Parts between these brackets.
    fn parts<T>(
        &mut self,
        [open, close]: [&str; 2],
        parts: impl Iterator<Item = T>,
        write: impl Fn(&mut Self, T) -> Result<(), String>,
    ) -> Result<(), String> {
        self.push(open)?;
        for (index, part) in parts.enumerate() {
            if index > 0 {
                self.push(",")?;
            }
            write(self, part)?;
        }
        self.push(close)
    }

    fn named(&mut self, name: &str, value: &Val, ty: &Type) -> Result<(), String> {
        self.text(name)?;
        self.push(":")?;
        self.value(value, ty)
    }

    /// An object of one field.
    fn object(&mut self, name: &str, value: &Val, ty: &Type) -> Result<(), String> {
        self.push("{")?;
        self.named(name, value, ty)?;
        self.push("}")
    }

    fn case(&mut self, name: &str, inner: Option<&Val>, ty: Option<&Type>) -> Result<(), String> {
        match (inner, ty) {
            (Some(inner), Some(ty)) => self.object(name, inner, ty),
            _ => self.text(name),
        }
    }
}

/// The name of what JSON has no number for.
fn no_number(value: f64) -> &'static str {
    match value {
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}
