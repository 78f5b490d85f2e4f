//! A fault of a config file, shown in its place.

use std::path::Path;

use super::document::Fault;
use crate::failure::Failure;

/// Characters of a line that are shown at most: a file may be one line of a megabyte.
const LINE_MAX: usize = 120;

/// The failure that shows the line at fault, with carets below what is wrong.
pub fn failure(path: &Path, text: &str, fault: &Fault) -> Failure {
    let start = floor(text, fault.span.start);
    let end = floor(text, fault.span.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let number = text[..start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count();
    let line: String = text[line_start..].lines().next().unwrap_or("").chars().take(LINE_MAX).collect();
    let room = line.chars().count().saturating_sub(column);
    let carets = text[start..end].chars().take_while(|c| *c != '\n').count().clamp(1, room.max(1));
    let (line, margin) = (line.replace('\t', " "), " ".repeat(number.to_string().len()));
    let shown = format!(
        "{}\n {margin}--> {}:{number}:{}\n {margin} |\n {number} | {line}\n {margin} | {}{}",
        fault.text,
        path.display(),
        column + 1,
        " ".repeat(column.min(LINE_MAX)),
        "^".repeat(carets),
    );
    let failure = Failure::usage(shown);
    match &fault.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The nearest place at or before this one where a character begins.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: std::ops::Range<usize>) -> String {
        let fault = Fault { text: "wrong".to_owned(), span, hint: None };
        format!("{:?}", failure(Path::new("f.toml"), text, &fault))
    }

    #[test]
    fn carets_are_below_what_is_wrong() {
        let text = shown("[limits]\nä = 'x' # y\n", 14..17);
        assert!(text.contains(r"wrong\n  --> f.toml:2:5\n   |\n 2 | ä = 'x' # y\n   |     ^^^"), "{text}");
    }

    #[test]
    fn no_place_is_out_of_the_text() {
        for (text, span) in [("", 0..0), ("a", 1..1), ("a\n", 2..9), ("ä", 1..1), (&"x".repeat(500), 400..450)] {
            assert!(shown(text, span).contains('^'));
        }
    }
}
