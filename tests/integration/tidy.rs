//! Forms that no source may contain.
//!
//! **Arithmetic on a bool.** rustc 1.94 to 1.96, and some nightlies of 1.97, drop the subtraction of
//! `x -= usize::from(flag.swap(false))` when it is inlined from a function that returns the flag into a branch on it: the
//! MIR pass `SimplifyComparisonIntegral` removes the comparison that made the flag, although the subtraction still needs
//! it (rust#158206, fixed in 1.97.1). Only optimised builds are affected. `if flag { x -= 1 }` is compiled right. Storing
//! a flag before returning it is affected too, but can't be recognised in the text.

use crate::sources::{Source, below};

/// Files that contain it on purpose: the compiler canary, and this test's own examples.
const EXEMPT: [&str; 2] = ["host/cli/src/canary.rs", "tests/integration/tidy.rs"];

const INTEGERS: [&str; 12] = ["usize", "u8", "u16", "u32", "u64", "u128", "isize", "i8", "i16", "i32", "i64", "i128"];

/// An expression with one of these is a bool. A plain name can be of any type.
const BOOL_SIGNS: [&str; 14] =
    ["!", "==", "<", ">", "&&", "||", "true", "false", ".is_", ".has_", ".swap(", ".any(", ".all(", ".contains"];

fn is_bool(expression: &str) -> bool {
    BOOL_SIGNS.iter().any(|sign| expression.contains(sign))
}

/// The first line that calculates with a bool.
fn arithmetic_on_a_bool(code: &str) -> Option<&str> {
    by_from(code).or_else(|| by_as(code))
}

/// `x += usize::from(…)` with any argument, because a name may be a flag's; in other sums only with an obvious bool.
fn by_from(code: &str) -> Option<&str> {
    code.match_indices("::from(").find_map(|(at, from)| {
        let (before, argument) = (&code[..at], inside(&code[at + from.len()..]));
        let type_name = INTEGERS.iter().find(|name| is_last_word(before, name))?;
        let start = at - type_name.len();
        let before = before[..start].trim_end();
        let after = code[at + from.len() + argument.len()..].strip_prefix(')')?.trim_start();
        let assigns = ["+=", "-="].iter().any(|sign| before.ends_with(sign));
        let sums = ["+", "-", "_add(", "_sub("].iter().any(|sign| before.ends_with(sign))
            || ["+", "-"].iter().any(|sign| after.starts_with(sign));
        (assigns || (sums && is_bool(argument))).then(|| line_of(code, start))
    })
}

/// `x += (a == b) as usize`.
fn by_as(code: &str) -> Option<&str> {
    let assigned = code.match_indices("+=").chain(code.match_indices("-="));
    assigned.into_iter().find_map(|(at, sign)| {
        let statement = code[at + sign.len()..].split(';').next()?;
        let (value, number) = statement.rsplit_once(" as ")?;
        (INTEGERS.contains(&number.trim()) && is_bool(value)).then(|| line_of(code, at))
    })
}

/// The text up to the closing bracket.
fn inside(code: &str) -> &str {
    let mut open = 1;
    let end = code.find(|letter| {
        match letter {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    });
    &code[..end.unwrap_or(code.len())]
}

fn is_last_word(text: &str, word: &str) -> bool {
    let before = text.strip_suffix(word);
    before.is_some_and(|before| !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
}

fn line_of(code: &str, at: usize) -> &str {
    let start = code[..at].rfind('\n').map_or(0, |end| end + 1);
    code[start..].lines().next().unwrap_or_default()
}

fn is_exempt(source: &Source) -> bool {
    EXEMPT.iter().any(|path| source.path.ends_with(path))
}

#[test]
fn no_source_calculates_with_a_bool() {
    let sources = ["host", "guest-sdk", "tests", "examples"].map(below);
    for source in sources.iter().flatten().filter(|source| !is_exempt(source)) {
        if let Some(line) = arithmetic_on_a_bool(&source.code()) {
            let advice = "write `if`, or convert a number in a line of its own (tidy.rs says why)";
            panic!("{}: arithmetic on a bool: {advice}:\n{line}", source.path.display());
        }
    }
    let exempt =
        sources.iter().flatten().filter(|source| is_exempt(source) && arithmetic_on_a_bool(&source.code()).is_some());
    assert_eq!(exempt.count(), EXEMPT.len(), "each exempt file needs its exemption");
}

#[test]
fn arithmetic_on_a_bool_is_recognised() {
    for code in [
        "self.pending -= usize::from(counted);",
        "refused +=\n    u32::from(answer.is_err());",
        "let near = far + usize::from(a != *b);",
        "let sum = u32::from(one.is_err()) + u32::from(other.is_err());",
        "left.saturating_sub(usize::from(!driver))",
        "stuck.fetch_add(u32::from(world.is_stuck()), Relaxed);",
        "count += (a == b) as u64;",
        "count -= flag.swap(false, Relaxed) as usize;",
    ] {
        assert!(arithmetic_on_a_bool(code).is_some(), "{code}");
    }
    for code in [
        "if counted { self.pending -= 1; }",
        "let next = u64::from(place) + 1;",
        "loss -= f64::from(faults[label]).ln();",
        "self.length += line.len() as u64;",
        "assert_eq!(told, u32::from(stage == Over));",
    ] {
        assert_eq!(arithmetic_on_a_bool(code), None);
    }
}
