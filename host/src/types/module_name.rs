//! The names by which guests call functions of other modules: `MODULE:FUNCTION`.

use super::limits::{MODULE_NAME_BYTES_MAX, MODULES_MAX};

/// Why a module cannot have a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleNameError {
    /// It is no name.
    #[error(
        "'{}' is no name for a module: it has 1 to {MODULE_NAME_BYTES_MAX} letters of ASCII, digits, '-', '_' and '.', and begins \
         with a letter or '_'",
        .0.escape_debug()
    )]
    Invalid(String),
    /// Another module has it.
    #[error("another module is named '{0}': give one of them another name")]
    Taken(String),
    /// There are as many as there may be.
    #[error("{MODULES_MAX} modules have names, and more are not allowed")]
    TooMany,
}

/// Is this a name that guests can call a module by? No other can be written in a capability, a flag and a path alike.
///
/// # Errors
/// It is none.
pub fn check_module_name(name: &str) -> Result<(), ModuleNameError> {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let other = |c: char| first(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
    match name.starts_with(first) && name.len() <= MODULE_NAME_BYTES_MAX && name.chars().all(other) {
        true => Ok(()),
        false => Err(ModuleNameError::Invalid(name.chars().take(MODULE_NAME_BYTES_MAX).collect())),
    }
}

/// The module and the function of `MODULE:FUNCTION`, divided at the first ':' that stands alone: paths of functions have two.
/// `None` for a function of the caller's own module.
pub fn split_module(name: &str) -> Option<(&str, &str)> {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b':', Some(b':')) => at += 2,
            (b':', _) => return Some((&name[..at], &name[at + 1..])),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_single_colon_divides() {
        for local in ["", "add", "a::b", "a::b::c", "::", "a::"] {
            assert_eq!(split_module(local), None, "{local}");
        }
        for (name, module, function) in [
            ("m:add", "m", "add"),
            ("m:a::b", "m", "a::b"),
            ("m:ops.add", "m", "ops.add"),
            ("m:a:b", "m", "a:b"),
            (":add", "", "add"),
            ("m:", "m", ""),
            ("a::b:c", "a::b", "c"),
            (":::", "::", ""),
            ("ä:ö", "ä", "ö"),
        ] {
            assert_eq!(split_module(name), Some((module, function)), "{name}");
        }
    }

    #[test]
    fn names_can_be_written_everywhere() {
        let longest = "x".repeat(MODULE_NAME_BYTES_MAX);
        for name in ["calc", "_", "my-lib_2", "calc.v2", &longest] {
            assert_eq!(check_module_name(name), Ok(()), "{name}");
        }
        let longer = "x".repeat(MODULE_NAME_BYTES_MAX + 1);
        for name in ["", "2calc", "-x", ".", "a b", "a:b", "a/b", "é", "a\n", "a\0", "\u{202e}a", "a=b", "*", &longer]
        {
            assert!(check_module_name(name).is_err(), "{name:?}");
        }
        let text = check_module_name("a\u{1b}b").unwrap_err().to_string();
        assert!(text.contains("'a\\u{1b}b' is no name"), "{text}");
    }
}
