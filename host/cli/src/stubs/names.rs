//! Names of Rust for whatever a module calls its things.

use std::collections::BTreeSet;

use super::ident::ident;
use super::rust_types::is_known;

/// The same as the name of a type: `turn-about` is `TurnAbout`.
pub fn camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect::<String>()
    };
    ident(&words.map(capital).collect::<String>())
}

/// The names of one scope.
#[derive(Debug, Default)]
pub struct Scope(BTreeSet<String>);

impl Scope {
    /// Takes the name, or one like it that is free.
    pub fn take(&mut self, wanted: String) -> String {
        let numbered = (2u32..).map(|n| format!("{}_{n}", wanted.trim_start_matches("r#")));
        let free =
            std::iter::once(wanted.clone()).chain(numbered).find(|name| !is_known(name) && !self.0.contains(name));
        let name = free.unwrap_or(wanted);
        self.0.insert(name.clone());
        name
    }

    /// Is it taken?
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_becomes_one_of_rust() {
        for (text, name) in [
            ("add", "add"),
            ("add-two", "add_two"),
            ("type", "r#type"),
            ("self", "self_"),
            ("2nd", "_2nd"),
            ("", "unnamed"),
            ("a\nb", "a_b"),
            ("x;y}", "x_y_"),
            ("grün", "grün"),
        ] {
            assert_eq!(ident(text), name);
        }
        assert_eq!((camel("turn-about").as_str(), camel("ops.add_two").as_str()), ("TurnAbout", "OpsAddTwo"));
    }

    #[test]
    fn names_are_given_once() {
        let mut scope = Scope::default();
        let names = ["a", "a", "r#fn", "r#fn", "String", "a"].map(|name| scope.take(name.to_owned()));
        assert_eq!(names, ["a", "a_2", "r#fn", "fn_2", "String_2", "a_3"]);
    }
}
