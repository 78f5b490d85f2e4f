//! Types as a Rust module spells them, read and written anew for the stubs.

use std::collections::BTreeSet;

use super::ident::ident;
use super::tokens::{Refusal, Tokens};

/// Names that mean the same everywhere.
const KNOWN: &[&str] = &[
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize", "String", "Vec", "Option", "Result", "Box", "std", "core", "alloc",
];

/// Names that people import, and that mean this.
const IMPORTED: &[(&str, &str)] = &[
    ("BTreeMap", "::std::collections::BTreeMap"),
    ("BTreeSet", "::std::collections::BTreeSet"),
    ("Duration", "::std::time::Duration"),
    ("HashMap", "::std::collections::HashMap"),
    ("HashSet", "::std::collections::HashSet"),
    ("ObjectRef", "::rustyray::ObjectRef"),
    ("PathBuf", "::std::path::PathBuf"),
    ("VecDeque", "::std::collections::VecDeque"),
];

/// A name that stubs must not give to anything of theirs.
pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// The types of a list as the stubs write them. The names that have to be in scope for them are added to `used`.
///
/// # Errors
/// One of them is no type that a value can have there.
pub fn types(text: &str, used: &mut BTreeSet<String>) -> Result<Vec<String>, Refusal> {
    let mut tokens = Tokens::new(text);
    let mut types = vec![ty(&mut tokens, used)?];
    while tokens.take(",") {
        types.push(ty(&mut tokens, used)?);
    }
    tokens.end().map(|()| types)
}

fn ty(tokens: &mut Tokens<'_>, used: &mut BTreeSet<String>) -> Result<String, Refusal> {
    tokens.deeper(|tokens| {
        if tokens.take("(") {
            let parts = tokens.list(")", |tokens| ty(tokens, used))?;
            let comma = if parts.len() == 1 { "," } else { "" };
            return Ok(format!("({}{comma})", parts.join(", ")));
        }
        if tokens.take("[") {
            let item = ty(tokens, used)?;
            tokens.expect(";")?;
            let length = match tokens.number() {
                Some(number) => number.to_owned(),
                None => path(tokens, used)?,
            };
            return tokens.expect("]").map(|()| format!("[{item}; {length}]"));
        }
        path(tokens, used)
    })
}

fn path(tokens: &mut Tokens<'_>, used: &mut BTreeSet<String>) -> Result<String, Refusal> {
    let is_absolute = tokens.take("::");
    let mut first = segment(tokens)?;
    // What the module's own root is, is where the stubs are here.
    while !is_absolute && matches!(first, "crate" | "self" | "super") {
        tokens.expect("::")?;
        first = segment(tokens)?;
    }
    let imported = IMPORTED.iter().find(|(name, _)| *name == first && !is_absolute);
    let mut text = match imported {
        Some((_, meant)) => (*meant).to_owned(),
        None if is_absolute || matches!(first, "std" | "core" | "alloc" | "rustyray") => format!("::{}", ident(first)),
        None => ident(first),
    };
    if imported.is_none() && !text.starts_with("::") && !is_known(first) {
        used.insert(text.clone());
    }
    loop {
        if tokens.take("<") {
            text = format!("{text}<{}>", tokens.list(">", |tokens| generic(tokens, used))?.join(", "));
        }
        if !tokens.take("::") {
            return Ok(text);
        }
        text = format!("{text}::{}", ident(segment(tokens)?));
    }
}

fn segment<'a>(tokens: &mut Tokens<'a>) -> Result<&'a str, Refusal> {
    tokens.take("r#");
    tokens.name(|_| false)
}

fn generic(tokens: &mut Tokens<'_>, used: &mut BTreeSet<String>) -> Result<String, Refusal> {
    if tokens.take("'static") {
        return Ok("'static".to_owned());
    }
    match tokens.number() {
        Some(number) => Ok(number.to_owned()),
        None => ty(tokens, used),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (String, Vec<String>) {
        let mut used = BTreeSet::new();
        let types = types(text, &mut used).unwrap_or_else(|why| panic!("{text}: {why}"));
        (types.join(" and "), used.into_iter().collect())
    }

    #[test]
    fn types_are_written_as_they_are_meant() {
        for (text, expected, used) in [
            ("i32", "i32", vec![]),
            ("()", "()", vec![]),
            ("(u8,)", "(u8,)", vec![]),
            ("Vec < Option<(u8, [u16 ; 4])> >", "Vec<Option<(u8, [u16; 4])>>", vec![]),
            ("std::collections::HashMap<String, u8>", "::std::collections::HashMap<String, u8>", vec![]),
            ("HashMap<String, Point>", "::std::collections::HashMap<String, Point>", vec!["Point"]),
            ("ObjectRef<a::B>", "::rustyray::ObjectRef<a::B>", vec!["a"]),
            ("rustyray::ObjectRef<i32>", "::rustyray::ObjectRef<i32>", vec![]),
            ("crate::Point", "Point", vec!["Point"]),
            ("super::super::a::Point", "a::Point", vec!["a"]),
            ("Cow<'static, str>", "Cow<'static, str>", vec!["Cow", "str"]),
            ("Matrix<3, 4>", "Matrix<3, 4>", vec!["Matrix"]),
            ("[u8; SIZE]", "[u8; SIZE]", vec!["SIZE"]),
            ("u32, String", "u32 and String", vec![]),
            ("r#type", "r#type", vec!["r#type"]),
        ] {
            let used: Vec<String> = used.into_iter().map(str::to_owned).collect();
            assert_eq!(written(text), (expected.to_owned(), used), "{text}");
        }
    }

    #[test]
    fn what_is_no_type_of_a_value_is_refused() {
        let deep = "Vec<".repeat(1000);
        for text in [
            "",
            "i32)",
            "i32 {}",
            "i32; fn x() {}",
            "&str",
            "fn()",
            "dyn Any",
            "impl A",
            "A<T = u8>",
            "a-b",
            "1",
            "*const u8",
            "\"x\"",
            "A<B",
            "(",
            "[u8]",
            "i32 // x",
            "!",
            "A!()",
            "crate",
            &deep,
        ] {
            assert!(types(text, &mut BTreeSet::new()).is_err(), "{text}");
        }
    }
}
