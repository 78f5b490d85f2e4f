//! Names that WIT has for exported functions, and what callers may write for them.
//!
//! A function's whole name is that of its interface, and its own: `docs:calculator/ops@0.1.0#add`. The version may be left out, and so
//! may all but the interface's last word, where one function alone is meant by it. A point may stand for the `#`.

/// How much of its name was written. The more, the better it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// All of it.
    Whole,
    /// All but the version.
    Unversioned,
    /// The interface's last word, and the function.
    Short,
}

/// The whole name of a function in an interface.
pub fn whole(interface: &str, function: &str) -> String {
    format!("{interface}#{function}")
}

/// The same without the version.
pub fn unversioned(whole: &str) -> String {
    match whole.split_once('#') {
        Some((interface, function)) => format!("{}#{function}", bare(interface)),
        None => whole.to_owned(),
    }
}

/// `ops.add`; of a resource's `types.counter.add`, and of its constructor `types.counter.new`.
pub fn short(whole: &str) -> String {
    match whole.split_once('#') {
        Some((interface, function)) => format!("{}.{}", last(interface), plain(function)),
        None => plain(whole),
    }
}

/// Does somebody who writes this mean the function of this whole name?
pub fn fit(whole: &str, written: &str) -> Option<Fit> {
    let Some((interface, function)) = whole.split_once('#') else {
        return (written == whole || written == plain(whole)).then_some(Fit::Whole);
    };
    let is_function = |rest: &str| rest == function || rest == plain(function);
    let begins = |prefix: &str| {
        let rest = written.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(['#', '.']));
        rest.is_some_and(is_function)
    };
    let prefixes = [(interface, Fit::Whole), (bare(interface), Fit::Unversioned), (last(interface), Fit::Short)];
    prefixes.into_iter().find(|(prefix, _)| begins(prefix)).map(|(_, fit)| fit)
}

/// An interface without its version.
fn bare(interface: &str) -> &str {
    interface.split('@').next().unwrap_or(interface)
}

/// The last word of an interface's name.
fn last(interface: &str) -> &str {
    let bare = bare(interface);
    bare.rsplit('/').next().unwrap_or(bare)
}

/// A function's name without the brackets that WIT writes before those of resources.
fn plain(function: &str) -> String {
    match function.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some(("constructor", resource)) => format!("{resource}.new"),
        Some((_, name)) => name.to_owned(),
        None => function.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_has_shorter_names() {
        let name = "docs:calculator/ops@0.1.0#add";
        assert_eq!((short(name).as_str(), unversioned(name).as_str()), ("ops.add", "docs:calculator/ops#add"));
        assert_eq!(short("a:b/types#[constructor]counter"), "types.counter.new");
        assert_eq!(short("a:b/types#[method]counter.add"), "types.counter.add");
        assert_eq!(short("[static]counter.zero"), "counter.zero");
        assert_eq!(short("add"), "add");
    }

    #[test]
    fn each_of_them_means_it() {
        let name = "docs:calculator/ops@0.1.0#add";
        for (written, expected) in [
            ("docs:calculator/ops@0.1.0#add", Some(Fit::Whole)),
            ("docs:calculator/ops@0.1.0.add", Some(Fit::Whole)),
            ("docs:calculator/ops#add", Some(Fit::Unversioned)),
            ("docs:calculator/ops.add", Some(Fit::Unversioned)),
            ("ops.add", Some(Fit::Short)),
            ("ops#add", Some(Fit::Short)),
            ("docs:calculator/ops@0.2.0#add", None),
            ("calculator/ops#add", None),
            ("add", None),
            ("", None),
        ] {
            assert_eq!(fit(name, written), expected, "{written}");
        }
        let method = "a:b/types#[method]counter.add";
        assert_eq!(fit(method, method), Some(Fit::Whole));
        assert_eq!(fit(method, "types.counter.add"), Some(Fit::Short));
        assert_eq!(fit("[constructor]counter", "counter.new"), Some(Fit::Whole));
    }
}
