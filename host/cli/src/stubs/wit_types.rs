//! Types of a component that no SDK made, as WIT spells them, and the types of Rust that hold the same values.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ident::ident;
use super::names::{Scope, camel};
use super::tokens::{Refusal, Tokens};

/// What stands above a type.
const DERIVES: &str = "#[derive(Clone, Debug, PartialEq, ::rustyray::serde::Serialize, ::rustyray::serde::Deserialize)]\n\
                       #[serde(crate = \"::rustyray::serde\")]\n\
                       #[allow(dead_code)]\n";

/// The records, variants and enums of a component, which keeps no names of its own for them: each has that of the place where it
/// comes first.
#[derive(Debug, Default)]
pub struct Definitions {
    names: BTreeMap<String, String>,
    /// Their text, in the order in which they came.
    pub texts: Vec<String>,
}

impl Definitions {
    /// The type of Rust, named after this place if it needs a name.
    ///
    /// # Errors
    /// It is no type of WIT that has values.
    pub fn ty(&mut self, text: &str, place: &str, scope: &mut Scope) -> Result<String, Refusal> {
        let mut tokens = Tokens::new(text);
        let found = self.read(&mut tokens, place, scope)?;
        tokens.end().map(|()| found)
    }

    /// That of a function's result: the error of a `result` is the task's.
    ///
    /// # Errors
    /// It is no type of WIT that has values.
    pub fn result(&mut self, text: &str, place: &str, scope: &mut Scope) -> Result<String, Refusal> {
        let mut tokens = Tokens::new(text);
        let found = match tokens.take("result") {
            true => self.cases(&mut tokens, place, scope)?.0,
            false if tokens.take("()") => "()".to_owned(),
            false => self.read(&mut tokens, place, scope)?,
        };
        tokens.end().map(|()| found)
    }

    /// The names that were given.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.names.values()
    }

    fn read(&mut self, tokens: &mut Tokens<'_>, place: &str, scope: &mut Scope) -> Result<String, Refusal> {
        let begin = tokens.rest();
        if tokens.take("{") {
            let fields = tokens.list("}", |tokens| {
                let name = kebab(tokens)?;
                tokens.expect(":")?;
                Ok((name, self.one(tokens, &format!("{place} {name}"), scope)?))
            })?;
            return Ok(self.defined(begin, tokens, place, scope, |name| record(name, &fields)));
        }
        let word = kebab(tokens)?;
        match word {
            "list" => {
                tokens.expect("<")?;
                let item = self.one(tokens, place, scope)?;
                let length = if tokens.take(",") { tokens.number() } else { None };
                let list = length.map_or_else(|| format!("Vec<{item}>"), |length| format!("[{item}; {length}]"));
                tokens.expect(">").map(|()| list)
            }
            "option" => {
                tokens.expect("<")?;
                let item = self.one(tokens, place, scope)?;
                tokens.expect(">").map(|()| format!("Option<{item}>"))
            }
            "tuple" => {
                tokens.expect("<")?;
                let parts = tokens.list(">", |tokens| self.one(tokens, place, scope))?;
                let comma = if parts.len() == 1 { "," } else { "" };
                Ok(format!("({}{comma})", parts.join(", ")))
            }
            "result" => self.cases(tokens, place, scope).map(|(ok, error)| format!("Result<{ok}, {error}>")),
            "variant" => {
                tokens.expect("{")?;
                let cases = tokens.list("}", |tokens| {
                    let name = kebab(tokens)?;
                    let holds = match tokens.take("(") {
                        true => Some(self.one(tokens, &format!("{place} {name}"), scope)?),
                        false => None,
                    };
                    if holds.is_some() { tokens.expect(")").map(|()| (name, holds)) } else { Ok((name, holds)) }
                })?;
                Ok(self.defined(begin, tokens, place, scope, |name| variant(name, &cases)))
            }
            "enum" => {
                tokens.expect("{")?;
                let cases = tokens.list("}", |tokens| kebab(tokens).map(|name| (name, None)))?;
                Ok(self.defined(begin, tokens, place, scope, |name| variant(name, &cases)))
            }
            // A list of the names of those that are set.
            "flags" => {
                tokens.expect("{")?;
                tokens.list("}", kebab).map(|_| "Vec<String>".to_owned())
            }
            other => primitive(other).map(str::to_owned),
        }
    }

    /// What is inside another type.
    fn one(&mut self, tokens: &mut Tokens<'_>, place: &str, scope: &mut Scope) -> Result<String, Refusal> {
        tokens.deeper(|tokens| self.read(tokens, place, scope))
    }

    /// The two of a `result`.
    fn cases(&mut self, tokens: &mut Tokens<'_>, place: &str, scope: &mut Scope) -> Result<(String, String), Refusal> {
        let none = || "()".to_owned();
        if !tokens.take("<") {
            return Ok((none(), none()));
        }
        let mut cases = tokens.list(">", |tokens| match tokens.take("_") {
            true => Ok(none()),
            false => self.one(tokens, place, scope),
        })?;
        cases.resize_with(2, none);
        Ok((std::mem::take(&mut cases[0]), std::mem::take(&mut cases[1])))
    }

    /// The name of the type that was read since `begin`.
    fn defined(
        &mut self,
        begin: &str,
        tokens: &Tokens<'_>,
        place: &str,
        scope: &mut Scope,
        write: impl FnOnce(&str) -> String,
    ) -> String {
        let spelled = begin[..begin.len() - tokens.rest().len()].trim_end();
        if let Some(name) = self.names.get(spelled) {
            return name.clone();
        }
        let name = scope.take(camel(place));
        self.names.insert(spelled.to_owned(), name.clone());
        self.texts.push(write(&name));
        name
    }
}

fn kebab<'a>(tokens: &mut Tokens<'a>) -> Result<&'a str, Refusal> {
    tokens.take("%");
    tokens.name(|c| c == '-')
}

fn primitive(word: &str) -> Result<&'static str, Refusal> {
    Ok(match word {
        "bool" => "bool",
        "s8" => "i8",
        "u8" => "u8",
        "s16" => "i16",
        "u16" => "u16",
        "s32" => "i32",
        "u32" => "u32",
        "s64" => "i64",
        "u64" => "u64",
        "f32" => "f32",
        "f64" => "f64",
        "char" => "char",
        "string" => "String",
        other => return Err(format!("'{}' is no type of WIT", other.escape_debug())),
    })
}

fn record(name: &str, fields: &[(&str, String)]) -> String {
    let mut scope = Scope::default();
    let mut text = format!("{DERIVES}pub struct {name} {{\n");
    for (field, ty) in fields {
        let _ = writeln!(text, "    pub {}: {ty},", scope.take(ident(field)));
    }
    text + "}\n"
}

fn variant(name: &str, cases: &[(&str, Option<String>)]) -> String {
    let mut scope = Scope::default();
    let mut text = format!("{DERIVES}pub enum {name} {{\n");
    for (case, holds) in cases {
        let holds = holds.as_ref().map_or_else(String::new, |ty| format!("({ty})"));
        let _ = writeln!(text, "    {}{holds},", scope.take(camel(case)));
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_of_wit_has_one_of_rust() {
        let (mut types, mut scope) = (Definitions::default(), Scope::default());
        for (text, expected) in [
            ("s64", "i64"),
            ("list<list<u8, 4>>", "Vec<[u8; 4]>"),
            ("option<tuple<char, string>>", "Option<(char, String)>"),
            ("result<_, string>", "Result<(), String>"),
            ("result", "Result<(), ()>"),
            ("{its-x: s32, type: option<{a: bool}>}", "AtHere"),
            ("list<{a: bool}>", "Vec<AtHereType>"),
            ("variant {all, some(list<u8>)}", "AtHere_2"),
            ("enum {left, right}", "AtHere_3"),
            ("flags {a, b}", "Vec<String>"),
        ] {
            assert_eq!(types.ty(text, "at-here", &mut scope).unwrap(), expected, "{text}");
        }
        assert_eq!(types.result("result<u32, string>", "x", &mut scope).unwrap(), "u32");
        assert_eq!(types.result("result<_, string>", "x", &mut scope).unwrap(), "()");
        assert_eq!(types.result("()", "x", &mut scope).unwrap(), "()");
        let texts = types.texts.join("\n");
        assert!(texts.contains("pub its_x: i32,\n    pub r#type: Option<AtHereType>,"), "{texts}");
        assert!(texts.contains("pub enum AtHere_2 {\n    All,\n    Some(Vec<u8>),\n}"), "{texts}");
    }

    #[test]
    fn what_is_none_is_refused() {
        let deep = "list<".repeat(1000);
        for text in ["", "i32", "list", "list<u8", "own<x>", "{a}", "s32 x", "variant {a(}", "tuple<u8>;", &deep] {
            assert!(Definitions::default().ty(text, "x", &mut Scope::default()).is_err(), "{text}");
        }
    }
}
