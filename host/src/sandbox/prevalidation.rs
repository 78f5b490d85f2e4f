//! A first look at a component, before it is parsed: by how it is laid out, without recursion, in time of its length.
//!
//! The parser calls itself for each type that is declared inside another, and six kilobytes of them would overflow a stack,
//! and with it end the process. The compiler keeps a copy of what it knows for each component inside another, and writes
//! out each component as often as it is instantiated: a kilobyte that doubles itself thirty times takes more memory than
//! there is. Core modules inside are [weighed](super::weight).

use super::module_error::ModuleError;
use super::weight::Weight;
use crate::types::limits::{COMPONENT_NESTING_MAX, INSTANTIATED_BYTES_MAX, TYPE_NESTING_MAX};

/// The mark and the version with which a component begins.
const PREAMBLE: usize = 8;
/// Sections that are kept once, however often their component is instantiated.
const CUSTOM_SECTION: u8 = 0;
const CORE_MODULE_SECTION: u8 = 1;
/// The section that holds another component.
const COMPONENT_SECTION: u8 = 4;
/// The section that instantiates components.
const INSTANCE_SECTION: u8 = 5;
/// The section that makes a component's functions of core ones, and the other way round.
const CANON_SECTION: u8 = 8;
/// The section that declares types.
const TYPE_SECTION: u8 = 7;
/// What begins a type that can hold others: that of a component, and that of an instance.
const OPENS_A_TYPE: [u8; 2] = [0x41, 0x42];

/// Is it laid out so that the parser and the compiler can cope with it? What is damaged is left for them to find. Gives what it
/// takes to compile: functions that a component makes of core ones are made for each of its instances.
///
/// # Errors
/// What is nested too deeply, or grows too large.
pub fn check(bytes: &[u8]) -> Result<Weight, ModuleError> {
    let mut open = vec![Part::until(bytes.len())];
    // A component can instantiate those before it. Which one is not looked up: the largest.
    let mut largest = Written::default();
    let mut weight = Weight::default();
    // For what the component instantiates, beside those that are counted once.
    let mut instantiated = 0;
    let mut at = PREAMBLE;
    while let Some(part) = open.last_mut() {
        if at >= part.end {
            at = part.end;
            let written = part.written(largest)?;
            largest = largest.max(written);
            instantiated = written.functions - part.own.functions;
            open.pop();
            continue;
        }
        let Some(section) = Section::read(bytes, at).filter(|section| section.end <= part.end) else {
            return Ok(weight);
        };
        let body = &bytes[section.start..section.end];
        at = section.end;
        match section.id {
            CUSTOM_SECTION => {}
            CORE_MODULE_SECTION => weight = weight.and(Weight::of_module(body)?),
            COMPONENT_SECTION => {
                at = section.start + PREAMBLE;
                open.push(Part::until(section.end));
                check_depth(open.len())?;
            }
            id => {
                weight = weight.and(Weight::of_functions(part.count(id, body)?));
            }
        }
    }
    Ok(weight.and(Weight::of_functions(instantiated)))
}

/// How many items a section has, as it says itself.
fn count_of(section: &[u8]) -> usize {
    number(section, 0).unwrap_or_default().0
}

/// A component that is being looked at.
struct Part {
    end: usize,
    own: Written,
    /// Components that it instantiates.
    instances: usize,
}

/// What is written out for a component each time that it is instantiated.
#[derive(Clone, Copy, Default)]
struct Written {
    /// Of its sections, but for those that are kept once.
    bytes: usize,
    /// That it makes of core ones, or core ones that it makes of others.
    functions: usize,
}

impl Written {
    /// This, and the other so often.
    fn and(self, times: usize, other: Written) -> Written {
        let sum = |own: usize, other: usize| own.saturating_add(times.saturating_mul(other));
        Written { bytes: sum(self.bytes, other.bytes), functions: sum(self.functions, other.functions) }
    }

    fn max(self, other: Written) -> Written {
        Written { bytes: self.bytes.max(other.bytes), functions: self.functions.max(other.functions) }
    }
}

impl Part {
    fn until(end: usize) -> Self {
        Part { end, own: Written::default(), instances: 0 }
    }

    /// Gives the number of functions in this section.
    fn count(&mut self, id: u8, body: &[u8]) -> Result<usize, ModuleError> {
        self.own.bytes = self.own.bytes.saturating_add(body.len());
        match id {
            INSTANCE_SECTION => self.instances = self.instances.saturating_add(count_of(body)),
            TYPE_SECTION => check_types(body)?,
            CANON_SECTION => {
                let functions = count_of(body);
                self.own.functions = self.own.functions.saturating_add(functions);
                return Ok(functions);
            }
            _ => {}
        }
        Ok(0)
    }

    /// What it is with all that it instantiates written out.
    fn written(&self, largest: Written) -> Result<Written, ModuleError> {
        let written = self.own.and(self.instances, largest);
        match written.bytes > INSTANTIATED_BYTES_MAX {
            true => Err(ModuleError::Invalid(format!(
                "its components may instantiate each other to {} bytes: at most {INSTANTIATED_BYTES_MAX}",
                written.bytes
            ))),
            false => Ok(written),
        }
    }
}

fn check_depth(depth: usize) -> Result<(), ModuleError> {
    match depth > COMPONENT_NESTING_MAX {
        true => Err(ModuleError::Invalid(format!("components are nested more than {COMPONENT_NESTING_MAX} deep"))),
        false => Ok(()),
    }
}

/// A type can't be nested deeper than there are bytes that could open one. Most of those that an honest module has are
/// something else, and of the rest it has one for each interface.
fn check_types(types: &[u8]) -> Result<(), ModuleError> {
    let opened = types.iter().filter(|byte| OPENS_A_TYPE.contains(byte)).count();
    match opened > TYPE_NESTING_MAX {
        true => {
            Err(ModuleError::Invalid(format!("{opened} types may be nested in each other: at most {TYPE_NESTING_MAX}")))
        }
        false => Ok(()),
    }
}

struct Section {
    id: u8,
    start: usize,
    end: usize,
}

impl Section {
    /// The section at this place; `None` where the bytes end before it does.
    fn read(bytes: &[u8], at: usize) -> Option<Section> {
        let (length, start) = number(bytes, at.checked_add(1)?)?;
        let end = start.checked_add(length).filter(|end| *end <= bytes.len())?;
        Some(Section { id: bytes[at], start, end })
    }
}

/// The number at this place, seven bits a byte, and where it ends.
fn number(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut number = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = *bytes.get(at)?;
        at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((number, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        let length = (0..5).map(|group| (body.len() >> (7 * group)) as u8 & 0x7f | if group < 4 { 0x80 } else { 0 });
        [&[id][..], &length.collect::<Vec<_>>(), body].concat()
    }

    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(EMPTY.to_vec(), |inner, _| [EMPTY, &section(COMPONENT_SECTION, &inner)].concat())
    }

    fn types(depth: usize) -> Vec<u8> {
        let body = [&[1][..], &[0x42, 1, 1].repeat(depth), &[0x42, 0]].concat();
        [EMPTY, &section(TYPE_SECTION, &body)].concat()
    }

    #[test]
    fn what_is_nested_too_deeply_is_found() {
        assert!(check(&nested(COMPONENT_NESTING_MAX - 1)).is_ok());
        assert!(check(&nested(COMPONENT_NESTING_MAX)).is_err());
        assert!(check(&types(TYPE_NESTING_MAX - 1)).is_ok());
        assert!(check(&types(TYPE_NESTING_MAX)).is_err());
        let inside = [EMPTY, &section(COMPONENT_SECTION, &types(1_000_000))].concat();
        assert!(check(&inside).is_err());
        let behind = [nested(3), section(COMPONENT_SECTION, &nested(1000))].concat();
        assert!(check(&behind).is_err());
    }

    #[test]
    fn what_doubles_itself_is_found() {
        let doubling = |times: usize| {
            let core = section(COMPONENT_SECTION, &[EMPTY, &section(2, &[0; 100])].concat());
            let twice = section(COMPONENT_SECTION, &[EMPTY, &section(INSTANCE_SECTION, &[2, 0, 0, 0, 0])].concat());
            [EMPTY, &core, &twice.repeat(times)].concat()
        };
        assert!(check(&doubling(10)).is_ok());
        assert!(check(&doubling(20)).unwrap_err().to_string().contains("instantiate each other"));
        assert!(check(&doubling(1000)).is_err());
    }

    #[test]
    fn functions_are_counted_wherever_they_are() {
        let code = section(10, &[&[3][..], &[2, 0, 0x0b].repeat(3)].concat());
        let core = [b"\0asm\x01\0\0\0", &section(1, &[1, 0x60, 0, 0])[..], &section(3, &[3, 0, 0, 0]), &code].concat();
        let inner = [EMPTY, &section(CORE_MODULE_SECTION, &core), &section(CANON_SECTION, &[2])].concat();
        let outer = [EMPTY, &section(COMPONENT_SECTION, &inner), &section(CORE_MODULE_SECTION, &core)].concat();
        // Each core module has a type and three functions.
        assert_eq!(check(&outer).unwrap().items, 2 * 4 + 2);
        assert_eq!(check(&outer[..outer.len() - 2]).unwrap().items, 4 + 2);
    }

    #[test]
    fn functions_are_made_for_each_instance() {
        let inner = section(COMPONENT_SECTION, &[EMPTY, &section(CANON_SECTION, &[10])].concat());
        let instances = |count: u8| section(INSTANCE_SECTION, &[&[count][..], &[0; 20]].concat());
        let twice = section(COMPONENT_SECTION, &[EMPTY, &instances(2)].concat());
        let of = |parts: &[&[u8]]| check(&[EMPTY, &parts.concat()].concat()).unwrap().items;
        assert_eq!(of(&[&inner]), 10);
        assert_eq!(of(&[&inner, &instances(3)]), 10 + 30);
        assert_eq!(of(&[&inner, &twice, &instances(3), &section(CANON_SECTION, &[5])]), 10 + 5 + 3 * 20);
    }

    #[test]
    fn damaged_bytes_are_left_to_the_parser() {
        let whole = nested(40);
        for end in 0..200 {
            let _ = check(&whole[..end]);
        }
        assert!(check(&[0xff; 100]).is_ok());
        assert!(check(&[EMPTY, &[COMPONENT_SECTION, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()).is_ok());
    }
}
