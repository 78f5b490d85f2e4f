//! Grants as they are written, on the command line and in `rustyray.toml`.

use std::path::PathBuf;

use rustyray_host::{DirAccess, check_module_name, check_weight};

/// A folder, as the host and the guest name it.
#[derive(Clone, Debug, PartialEq)]
pub struct Folder {
    /// On this machine.
    pub host: PathBuf,
    /// To the guest.
    pub guest: String,
    /// Read-only, or not.
    pub access: DirAccess,
}

impl Folder {
    /// Is it the same to the guest as the other one? A path is the same with a slash at its end, or with `./` at its start.
    pub fn is_called_like(&self, other: &Folder) -> bool {
        fn steps(path: &str) -> impl Iterator<Item = &str> {
            path.split('/').filter(|step| !step.is_empty() && *step != ".")
        }
        steps(&self.guest).eq(steps(&other.guest))
    }

    /// Is it on this machine the same folder as the other one, or in it, and may the program do something else there?
    pub fn differs_within(&self, other: &Folder) -> bool {
        let is_within = || Some(self.host.canonicalize().ok()?.starts_with(other.host.canonicalize().ok()?));
        self.access != other.access && is_within() == Some(true)
    }
}

/// Where random numbers come from.
#[derive(Clone, Copy, Debug)]
pub enum Chance {
    /// The system.
    Real,
    /// A generator, the same numbers for each task.
    Seed(u64),
}

/// `HOST[::GUEST][:ro]`. The last `::` divides, so that a host path may contain one.
pub fn folder(text: &str) -> Result<Folder, String> {
    let (paths, access) = match text.strip_suffix(":ro") {
        Some(paths) => (paths, DirAccess::ReadOnly),
        None => (text, DirAccess::ReadWrite),
    };
    let (host, guest) = paths.rsplit_once("::").unwrap_or((paths, paths));
    if host.is_empty() || guest.is_empty() {
        return Err("expected HOST, HOST::GUEST or either with :ro, such as ./texts::/data:ro".to_owned());
    }
    Ok(Folder { host: host.into(), guest: guest.to_owned(), access })
}

/// `NAME=VALUE`, or the `NAME` of a variable of this process.
pub fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None => (text, own_variable(text)?),
    };
    if name.is_empty() || name.contains('\0') {
        return Err("expected NAME=VALUE, or the NAME of a variable that is set".to_owned());
    }
    Ok((name.to_owned(), value))
}

fn own_variable(name: &str) -> Result<String, String> {
    // `var` takes neither, and an empty name is told apart by the caller.
    if name.is_empty() {
        return Ok(String::new());
    }
    std::env::var(name).map_err(|error| match error {
        std::env::VarError::NotPresent => format!("{name} is not set here: set it, or write {name}=VALUE"),
        std::env::VarError::NotUnicode(_) => format!("the value of {name} is not UTF-8, and guests know no other text"),
    })
}

/// `real`, or a seed.
pub fn chance(text: &str) -> Result<Chance, String> {
    match text {
        "real" => Ok(Chance::Real),
        _ => text.parse().map(Chance::Seed).map_err(|_| "expected `real`, or a whole number as the seed".to_owned()),
    }
}

/// A module, as it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkedModule {
    /// By guests.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// `NAME=FILE`, or a `FILE` whose stem is the name.
pub fn with(text: &str) -> Result<LinkedModule, String> {
    let (name, path) = match text.split_once('=') {
        // A path may have a '=' of its own.
        Some((name, path)) if check_module_name(name).is_ok() => (name.to_owned(), PathBuf::from(path)),
        _ => {
            let path = PathBuf::from(text);
            let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
            (name.unwrap_or_default().to_string_lossy().into_owned(), path)
        }
    };
    if path.as_os_str().is_empty() {
        return Err("expected FILE or NAME=FILE".to_owned());
    }
    let name = module_name(&name).map_err(|why| format!("{why}: choose one with NAME={}", path.display()))?;
    Ok(LinkedModule { name, path })
}

/// `NAME=WEIGHT` of a module.
pub fn weight(text: &str) -> Result<(String, u32), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let parts = parts.and_then(|(name, weight)| Some((name.to_owned(), weight.parse().ok()?)));
    let (name, weight) = parts.ok_or_else(|| "expected MODULE=NUMBER, such as calc=3".to_owned())?;
    check_weight(weight).map(|weight| (name, weight)).map_err(|error| error.to_string())
}

/// A module's name.
pub fn module_name(text: &str) -> Result<String, String> {
    check_module_name(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_two_names_and_a_mode() {
        for (text, host, guest, access) in [
            ("a", "a", "a", DirAccess::ReadWrite),
            ("a:ro", "a", "a", DirAccess::ReadOnly),
            ("./a::/b", "./a", "/b", DirAccess::ReadWrite),
            ("./a::/b:ro", "./a", "/b", DirAccess::ReadOnly),
            ("a::b::c", "a::b", "c", DirAccess::ReadWrite),
        ] {
            let expected = Folder { host: host.into(), guest: guest.to_owned(), access };
            assert_eq!(folder(text), Ok(expected), "{text}");
        }
        for text in ["", ":ro", "::", "a::", "::a", "a:::ro"] {
            assert!(folder(text).is_err(), "{text}");
        }
    }

    #[test]
    fn variables_need_a_name() {
        assert_eq!(variable("A=b=c"), Ok(("A".to_owned(), "b=c".to_owned())));
        for text in ["", "=x", "SURELY_NOT_SET_ANYWHERE"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_module_has_the_name_of_its_file_or_another() {
        for (text, name, path) in [
            ("b.wasm", "b", "b.wasm"),
            ("/x/y/b.v2.wasm", "b.v2", "/x/y/b.v2.wasm"),
            ("calc=b.wasm", "calc", "b.wasm"),
            ("calc=a=b.wasm", "calc", "a=b.wasm"),
            ("./a=b/c.wasm", "c", "./a=b/c.wasm"),
        ] {
            assert_eq!(with(text), Ok(LinkedModule { name: name.to_owned(), path: path.into() }), "{text}");
        }
        for text in ["", "calc=", "a b.wasm", "/", "..", "a:b=c.wasm"] {
            assert!(with(text).is_err(), "{text}");
        }
        assert!(with("a b.wasm").unwrap_err().contains("NAME=a b.wasm"));
    }
}
