//! Names of Rust.

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move",
    "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that cannot be names at all.
const RESERVED: &[&str] = &["crate", "self", "super", "Self", "_"];

/// The nearest name of Rust.
pub fn ident(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    match plain.as_str() {
        "" => "unnamed".to_owned(),
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        name if RESERVED.contains(&name) => format!("{name}_"),
        name if name.starts_with(|c: char| !(c.is_alphabetic() || c == '_')) => format!("_{name}"),
        _ => plain,
    }
}
