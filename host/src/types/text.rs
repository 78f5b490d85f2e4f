//! Texts from guests, as they can be shown.

/// One line in which nothing drives a terminal or hides what follows: what is not plain is escaped.
pub fn clean(text: &str) -> String {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut clean, c| {
        if is_plain(c) {
            clean.push(c)
        } else {
            clean.extend(c.escape_default())
        }
        clean
    })
}

/// Shown as it is: a tab, and all that is neither a control character nor one that turns the text's direction.
fn is_plain(c: char) -> bool {
    c == '\t' || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(clean("a\tb\r\n"), "a\tb");
        assert_eq!(clean("x\u{1b}[2Jy\rz"), "x\\u{1b}[2Jy\\rz");
        assert_eq!(clean("\u{202e}evil"), "\\u{202e}evil");
    }
}
