//! JSON that is safe to show.

use std::borrow::Cow;

/// Guests wrote parts of this: what could drive a terminal is escaped. In valid JSON it can only be inside a string,
/// where the escape means the same.
pub fn escaped(json: &str) -> Cow<'_, str> {
    let is_odd = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !json.contains(is_odd) {
        return Cow::Borrowed(json);
    }
    let escape = |c: char| match is_odd(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    };
    Cow::Owned(json.chars().map(escape).collect())
}
