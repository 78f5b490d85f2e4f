//! A config file's text, read: the settings in it, or what is wrong, and where.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::keys::{KEYS, Key, RESOURCES, Shape, TABLES, WEIGHTS, WITH};
use crate::grant_syntax::module_name;
use crate::suggestion::nearest;

/// One thing that the file says.
pub struct Setting {
    /// By this key.
    pub key: &'static Key,
    /// The flag's value; of a switch, nothing.
    pub text: String,
}

/// What is wrong with a file.
#[derive(Debug)]
pub struct Fault {
    /// In words.
    pub text: String,
    /// The bytes at fault.
    pub span: Range<usize>,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl Fault {
    fn new(text: impl Into<String>, span: Range<usize>) -> Self {
        Fault { text: text.into(), span, hint: None }
    }

    fn meant<'a>(mut self, typed: &str, names: impl Iterator<Item = &'a str>) -> Self {
        self.hint = nearest(typed, names).map(|near| format!("did you mean '{near}'?"));
        self
    }
}

/// The settings of a file.
///
/// # Errors
/// It is no TOML, or says what no file can say: the first fault in it.
pub fn parse(text: &str) -> Result<Vec<Setting>, Fault> {
    let document = DeTable::parse(text).map_err(|error| {
        let end = text.len();
        Fault::new(format!("this is no TOML: {}", error.message()), error.span().unwrap_or(end..end))
    })?;
    let mut settings = Vec::new();
    let tables = document.get_ref().iter();
    // The tables come in the order of their names.
    let faults = tables.filter_map(|(name, value)| table(name, value, &mut settings).err());
    match faults.min_by_key(|fault| fault.span.start) {
        Some(first) => Err(first),
        None => Ok(settings),
    }
}

fn table(name: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>, settings: &mut Vec<Setting>) -> Result<(), Fault> {
    let table: &str = name.get_ref();
    if !TABLES.contains(&table) {
        return Err(unknown_table(table, name.span()));
    }
    let DeValue::Table(entries) = value.get_ref() else {
        let text = format!("'{table}' is a table: write [{table}], and its keys below it");
        return Err(Fault::new(text, name.span()));
    };
    let faults = entries.iter().filter_map(|(name, value)| setting(table, name, value, settings).err());
    faults.min_by_key(|fault| fault.span.start).map_or(Ok(()), Err)
}

fn unknown_table(name: &str, span: Range<usize>) -> Fault {
    // A key above the first table is a common slip.
    match KEYS.iter().find(|key| key.name == name) {
        Some(key) => Fault::new(format!("'{name}' belongs in [{}]", key.table), span),
        None => {
            let text = format!("there is no table '{name}' (there are {})", TABLES.join(", "));
            Fault::new(text, span).meant(name, TABLES.iter().copied())
        }
    }
}

fn setting(
    table: &str,
    name: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
    settings: &mut Vec<Setting>,
) -> Result<(), Fault> {
    let (span, name): (_, &str) = (name.span(), name.get_ref());
    if let Some(key) = [&RESOURCES, &WEIGHTS].into_iter().find(|key| key.table == table) {
        let text = format!("{name}={}", amount(value)?);
        return push(key, text, value.span(), settings);
    }
    if table == WITH.table {
        let DeValue::String(path) = value.get_ref() else {
            return Err(Fault::new("expected a module's path, as a text in quotes", value.span()));
        };
        module_name(name).map_err(|reason| Fault::new(reason, span))?;
        return push(&WITH, format!("{name}={path}"), value.span(), settings);
    }
    let of_table = || KEYS.iter().filter(|key| key.table == table);
    let Some(key) = of_table().find(|key| key.name == name) else {
        return Err(unknown_key(table, name, span, of_table().map(|key| key.name)));
    };
    match (key.shape, value.get_ref()) {
        (Shape::Amount, _) => push(key, amount(value)?, value.span(), settings),
        (Shape::Switch, DeValue::Boolean(true)) => push(key, String::new(), value.span(), settings),
        (Shape::Switch, DeValue::Boolean(false)) => Ok(()),
        (Shape::Switch, _) => Err(Fault::new("expected true or false", value.span())),
        (Shape::Path, DeValue::String(path)) => push(key, path.to_string(), value.span(), settings),
        (Shape::Path | Shape::Module, _) => Err(Fault::new("expected a path, as a text in quotes", value.span())),
        (Shape::Texts | Shape::Folders, DeValue::Array(items)) => {
            items.iter().try_for_each(|item| match item.get_ref() {
                DeValue::String(text) => push(key, text.to_string(), item.span(), settings),
                _ => Err(Fault::new("expected a text in quotes", item.span())),
            })
        }
        (Shape::Texts | Shape::Folders, _) => {
            Err(Fault::new("expected a list of texts, such as [\"…\", \"…\"]", value.span()))
        }
    }
}

fn unknown_key(table: &str, name: &str, span: Range<usize>, names: impl Iterator<Item = &'static str>) -> Fault {
    let fault = Fault::new(format!("[{table}] has no key '{name}'"), span);
    let elsewhere = KEYS.iter().find(|key| key.name == name || key.flag == name);
    match elsewhere {
        Some(key) if key.table == table => Fault { hint: Some(format!("it is called '{}' here", key.name)), ..fault },
        Some(key) => Fault { hint: Some(format!("it is '{}' of [{}]", key.name, key.table)), ..fault },
        None => fault.meant(name, names),
    }
}

/// A number or a text, as a flag would have it.
fn amount(value: &Spanned<DeValue<'_>>) -> Result<String, Fault> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Float(number) => Ok(number.to_string()),
        _ => Err(Fault::new("expected a number, or a text in quotes", value.span())),
    }
}

fn push(key: &'static Key, text: String, span: Range<usize>, settings: &mut Vec<Setting>) -> Result<(), Fault> {
    (key.check)(&text).map_err(|reason| Fault::new(reason, span))?;
    settings.push(Setting { key, text });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<String> {
        let settings = parse(text).unwrap_or_else(|fault| panic!("{fault:?}"));
        let mut flags: Vec<_> =
            settings.iter().map(|setting| format!("--{}={}", setting.key.flag, setting.text)).collect();
        flags.sort();
        flags
    }

    #[test]
    fn each_key_is_a_flag() {
        assert!(flags("").is_empty() && flags("[grants]\nstdin = false").is_empty());
        let limits = "[limits]\nfuel = 50_000_000\ntimeout = '5s'\nmemory = \"64MiB\"\noutput = '4096B'";
        assert_eq!(flags(limits), ["--fuel=50000000", "--memory=64MiB", "--output=4096B", "--timeout=5s"]);
        let grants = "[grants]\nstdin = true\ndir = ['a', 'b::/b:ro']\nrandom = 7\nnet = ['example.org:443']";
        assert_eq!(
            flags(grants),
            ["--allow-net=example.org:443", "--dir=a", "--dir=b::/b:ro", "--random=7", "--stdin="]
        );
        assert_eq!(flags("[with]\ncalc = 'b/c.wasm'"), ["--with=calc=b/c.wasm"]);
        assert_eq!(flags("[weights]\ncalc = 3"), ["--weight=calc=3"]);
        let host = "resources.gpu = 0.5\nhost = { memory = '1GiB', cpus = 2, journal = 'kept' }";
        assert_eq!(flags(host), ["--cpus=2", "--host-memory=1GiB", "--journal=kept", "--resource=gpu=0.5"]);
    }

    #[test]
    fn a_fault_has_its_place_and_what_was_meant() {
        for (text, place, words, hint) in [
            ("[limits]\nfule = 5", "fule", "[limits] has no key 'fule'", "did you mean 'fuel'?"),
            ("[limit]\nfuel = 5", "limit", "there is no table 'limit'", "did you mean 'limits'?"),
            ("[grants]\nallow-net = []", "allow-net", "no key 'allow-net'", "it is called 'net' here"),
            ("[limits]\ncpus = 2", "cpus", "no key 'cpus'", "it is 'cpus' of [host]"),
            ("fuel = 5", "fuel", "'fuel' belongs in [limits]", ""),
            ("limits = 5", "limits", "write [limits]", ""),
            ("[limits]\nfuel = -5", "-5", "whole number above 0", ""),
            ("[limits]\nfuel = true", "true", "expected a number", ""),
            ("[limits]\ntimeout = 5", "5", "such as 5s", ""),
            ("[grants]\nnet = ['a', 'b:c']", "'b:c'", "no valid port", ""),
            ("[grants]\nenv = 'HOME'", "'HOME'", "expected a list", ""),
            ("[grants]\ndir = [1]", "1", "expected a text", ""),
            ("[grants]\nstdin = 'yes'", "'yes'", "true or false", ""),
            ("[grants]\nclock = 'slow'", "'slow'", "\"real\" or \"fixed\"", ""),
            ("[host]\nspill = 1", "1", "expected a path", ""),
            ("[with]\n'a b' = 'b.wasm'", "'a b'", "is no name for a module", ""),
            ("[with]\ncalc = 1", "1", "expected a module's path", ""),
            ("[with]\ncalc = ''", "''", "expected FILE", ""),
            ("[weights]\ncalc = 101", "101", "from 1 to 100", ""),
            ("[weights]\ncalc = 0.5", "0.5", "MODULE=NUMBER", ""),
            ("[resources]\ngpu = 'two'", "'two'", "NAME=NUMBER", ""),
            ("[limits\nfuel = 5", "", "this is no TOML", ""),
            // The first of several, wherever its table is in the alphabet.
            ("[limits]\nx = 1\nfuel = 'y'\n[grants]\nz = 1", "x", "no key 'x'", ""),
        ] {
            let fault = parse(text).err().unwrap_or_else(|| panic!("this is right: {text}"));
            assert_eq!(&text[fault.span.clone()], place, "{text}");
            assert!(fault.text.contains(words), "{fault:?}");
            assert_eq!(fault.hint.unwrap_or_default(), hint, "{text}");
        }
    }

    #[test]
    fn no_nesting_is_too_deep_to_be_refused() {
        assert!(parse(&format!("a = {}", "[".repeat(100_000))).is_err());
        assert!(parse(&"a.".repeat(100_000)).is_err());
    }
}
