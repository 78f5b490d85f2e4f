//! WIT's values in bincode 2, standard configuration, as a Rust program writes and reads them: records as structs, tuples as
//! tuples, variants and enums as enums, results and options as what they are, flags as lists of names.

use wasmtime::component::Val;
use wasmtime::component::types::Type;

use super::budget::Budget;

/// A value of this type, from all of these bytes.
///
/// # Errors
/// They are none.
pub fn read(bytes: &[u8], ty: &Type, budget: &mut Budget<'_>) -> Result<Val, String> {
    let mut reader = Reader { bytes, budget };
    let value = reader.value(ty)?;
    match reader.bytes.len() {
        0 => Ok(value),
        left => Err(format!("{left} bytes are left over")),
    }
}

struct Reader<'a, 'b> {
    bytes: &'a [u8],
    budget: &'a mut Budget<'b>,
}

/// A first byte below this is the number itself; this one and the next three say how many bytes it has.
const IN_TWO_BYTES: u8 = 251;

impl Reader<'_, '_> {
    fn value(&mut self, ty: &Type) -> Result<Val, String> {
        self.budget.take(1)?;
        Ok(match ty {
            Type::Bool => Val::Bool(match self.byte()? {
                0 => false,
                1 => true,
                other => return Err(format!("{other} is neither true nor false")),
            }),
            Type::U8 => Val::U8(self.byte()?),
            Type::S8 => Val::S8(self.byte()? as i8),
            Type::U16 => Val::U16(self.unsigned()?),
            Type::U32 => Val::U32(self.unsigned()?),
            Type::U64 => Val::U64(self.number()?),
            Type::S16 => Val::S16(self.signed()?),
            Type::S32 => Val::S32(self.signed()?),
            Type::S64 => Val::S64(self.signed()?),
            Type::Float32 => Val::Float32(f32::from_le_bytes(self.array()?)),
            Type::Float64 => Val::Float64(f64::from_le_bytes(self.array()?)),
            Type::Char => Val::Char(self.char()?),
            Type::String => Val::String(self.text()?),
            Type::List(list) => {
                let count = self.count()?;
                Val::List(self.values(count, &list.ty())?)
            }
            Type::FixedLengthList(list) => Val::FixedLengthList(self.values(list.len() as usize, &list.ty())?),
            Type::Tuple(tuple) => {
                let types = tuple.types();
                let mut values = self.budget.list(types.len())?;
                for ty in types {
                    values.push(self.value(&ty)?);
                }
                Val::Tuple(values)
            }
            Type::Record(record) => {
                let fields = record.fields();
                let mut values = self.budget.list(fields.len())?;
                for field in fields {
                    self.budget.name(field.name)?;
                    values.push((field.name.to_owned(), self.value(&field.ty)?));
                }
                Val::Record(values)
            }
            Type::Option(option) => Val::Option(match self.byte()? {
                0 => None,
                1 => self.boxed(Some(&option.ty()))?,
                other => return Err(format!("{other} is neither something nor nothing")),
            }),
            Type::Enum(_) | Type::Variant(_) => {
                let index = self.index()?;
                let cases = self.budget.cases(ty)?;
                let (name, inner) = cases.at(index).ok_or_else(|| no_case(index))?;
                self.budget.name(name)?;
                match ty {
                    Type::Enum(_) => Val::Enum(name.to_owned()),
                    _ => Val::Variant(name.to_owned(), self.boxed(inner)?),
                }
            }
            Type::Result(result) => Val::Result(match self.index()? {
                0 => Ok(self.boxed(result.ok().as_ref())?),
                1 => Err(self.boxed(result.err().as_ref())?),
                other => return Err(no_case(other)),
            }),
            Type::Flags(known) => {
                let count = self.count()?;
                let mut names: Vec<String> = self.budget.list(count)?;
                for _ in 0..count {
                    self.budget.take(1)?;
                    names.push(self.text()?);
                }
                match names.iter().find(|name| known.names().all(|known| known != name.as_str())) {
                    Some(name) => return Err(format!("there is no flag {:?}", super::text::brief_name(name))),
                    None => Val::Flags(names),
                }
            }
            Type::Map(_) | Type::Own(_) | Type::Borrow(_) | Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
                return Err("it cannot be passed".to_owned());
            }
        })
    }

    /// What comes with a case, where something does. An `Ok(())` is no byte.
    fn boxed(&mut self, ty: Option<&Type>) -> Result<Option<Box<Val>>, String> {
        let Some(ty) = ty else { return Ok(None) };
        self.budget.boxed()?;
        self.value(ty).map(|value| Some(Box::new(value)))
    }

    fn values(&mut self, count: usize, ty: &Type) -> Result<Vec<Val>, String> {
        let mut values = self.budget.list(count)?;
        for _ in 0..count {
            values.push(self.value(ty)?);
        }
        Ok(values)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or("it ends too soon")?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "it ends too soon".to_owned())
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.array::<1>()?[0])
    }

    /// A number in as few bytes as it needs, or more.
    fn number(&mut self) -> Result<u64, String> {
        Ok(match self.byte()? {
            byte if byte < IN_TWO_BYTES => byte.into(),
            IN_TWO_BYTES => u16::from_le_bytes(self.array()?).into(),
            252 => u32::from_le_bytes(self.array()?).into(),
            253 => u64::from_le_bytes(self.array()?),
            other => return Err(format!("no number begins with {other}")),
        })
    }

    fn unsigned<T: TryFrom<u64>>(&mut self) -> Result<T, String> {
        let number = self.number()?;
        number.try_into().map_err(|_| format!("{number} is too large"))
    }

    /// The sign is in the last bit.
    fn signed<T: TryFrom<i64>>(&mut self) -> Result<T, String> {
        let folded = self.number()?;
        let number = (folded >> 1) as i64 ^ -((folded & 1) as i64);
        number.try_into().map_err(|_| format!("{number} is too large"))
    }

    fn index(&mut self) -> Result<usize, String> {
        self.unsigned::<u32>().map(|index| index as usize)
    }

    /// Of values, of which each has a byte at least.
    fn count(&mut self) -> Result<usize, String> {
        let count = self.number()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= self.bytes.len())
            .ok_or_else(|| format!("it says that {count} follow, and ends before"))
    }

    fn text(&mut self) -> Result<String, String> {
        let length = self.count()?;
        self.budget.own_text(length)?;
        let bytes = self.take(length)?.to_vec();
        String::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned())
    }

    /// In UTF-8, of which the first byte says how many there are.
    fn char(&mut self) -> Result<char, String> {
        let length = match self.bytes.first() {
            Some(0..0x80) => 1,
            Some(0xc0..0xe0) => 2,
            Some(0xe0..0xf0) => 3,
            Some(0xf0..0xf8) => 4,
            _ => return Err("no character begins so".to_owned()),
        };
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| "it is no UTF-8".to_owned())?;
        text.chars().next().ok_or_else(|| "no character is there".to_owned())
    }
}

fn no_case(index: usize) -> String {
    format!("there is no case {index}")
}

/// The bytes of a value of this type.
///
/// # Errors
/// It is not of this type.
pub fn write(value: &Val, ty: &Type, budget: &mut Budget<'_>) -> Result<Vec<u8>, String> {
    let mut writer = Writer { written: Vec::new(), budget };
    writer.value(value, ty)?;
    Ok(writer.written)
}

/// No number, and no character, has more bytes, with the number of a case or the byte of an option before it.
const PLAIN_BYTES_MAX: usize = 16;

struct Writer<'a, 'b> {
    written: Vec<u8>,
    budget: &'a mut Budget<'b>,
}

impl Writer<'_, '_> {
    fn value(&mut self, value: &Val, ty: &Type) -> Result<(), String> {
        self.budget.step(1)?;
        self.budget.room(&mut self.written, PLAIN_BYTES_MAX)?;
        match (value, ty) {
            (Val::Bool(value), _) => self.written.push((*value).into()),
            (Val::U8(value), _) => self.written.push(*value),
            (Val::S8(value), _) => self.written.push(*value as u8),
            (Val::U16(value), _) => self.number((*value).into()),
            (Val::U32(value), _) => self.number((*value).into()),
            (Val::U64(value), _) => self.number(*value),
            (Val::S16(value), _) => self.signed((*value).into()),
            (Val::S32(value), _) => self.signed((*value).into()),
            (Val::S64(value), _) => self.signed(*value),
            (Val::Float32(value), _) => self.written.extend(value.to_le_bytes()),
            (Val::Float64(value), _) => self.written.extend(value.to_le_bytes()),
            (Val::Char(value), _) => self.written.extend(value.encode_utf8(&mut [0; 4]).bytes()),
            (Val::String(text), _) => {
                self.budget.text(text.len())?;
                self.text(text)?;
            }
            (Val::Flags(names), _) => {
                self.number(names.len() as u64);
                names.iter().try_for_each(|name| self.text(name))?;
            }
            (Val::List(items), Type::List(list)) => {
                self.number(items.len() as u64);
                let ty = list.ty();
                items.iter().try_for_each(|item| self.value(item, &ty))?;
            }
            (Val::FixedLengthList(items), Type::FixedLengthList(list)) => {
                let ty = list.ty();
                items.iter().try_for_each(|item| self.value(item, &ty))?;
            }
            (Val::Tuple(items), Type::Tuple(tuple)) => {
                items.iter().zip(tuple.types()).try_for_each(|(item, ty)| self.value(item, &ty))?;
            }
            (Val::Record(fields), Type::Record(record)) => {
                fields.iter().zip(record.fields()).try_for_each(|((_, value), field)| self.value(value, &field.ty))?;
            }
            (Val::Option(None), _) => self.written.push(0),
            (Val::Option(Some(value)), Type::Option(option)) => {
                self.written.push(1);
                self.value(value, &option.ty())?;
            }
            (Val::Enum(name), Type::Enum(_)) => {
                let (index, _) = self.budget.cases(ty)?.named(name).ok_or("a case that it does not have")?;
                self.number(index as u64);
            }
            (Val::Variant(name, inner), Type::Variant(_)) => {
                let cases = self.budget.cases(ty)?;
                let (index, ty) = cases.named(name).ok_or("a case that it does not have")?;
                self.number(index as u64);
                self.inner(inner.as_deref(), ty)?;
            }
            (Val::Result(Ok(inner)), Type::Result(result)) => {
                self.number(0);
                self.inner(inner.as_deref(), result.ok().as_ref())?;
            }
            (Val::Result(Err(inner)), Type::Result(result)) => {
                self.number(1);
                self.inner(inner.as_deref(), result.err().as_ref())?;
            }
            _ => return Err(super::text::brief(ty)),
        }
        Ok(())
    }

    fn inner(&mut self, value: Option<&Val>, ty: Option<&Type>) -> Result<(), String> {
        match (value, ty) {
            (Some(value), Some(ty)) => self.value(value, ty),
            _ => Ok(()),
        }
    }

    fn number(&mut self, number: u64) {
        if number < IN_TWO_BYTES.into() {
            self.written.push(number as u8);
        } else if let Ok(number) = u16::try_from(number) {
            self.written.push(IN_TWO_BYTES);
            self.written.extend(number.to_le_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.written.push(252);
            self.written.extend(number.to_le_bytes());
        } else {
            self.written.push(253);
            self.written.extend(number.to_le_bytes());
        }
    }

    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        self.budget.room(&mut self.written, PLAIN_BYTES_MAX.saturating_add(text.len()))?;
        self.number(text.len() as u64);
        self.written.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
