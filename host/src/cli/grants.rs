//! What the program may touch, as it is said on the command line. Nothing is granted that is not said.

use std::path::PathBuf;

use clap::Args;
use rustyray_host::{Capabilities, DirAccess, NetGrant};

use super::failure::Failure;

/// The flags that grant.
#[derive(Args, Debug)]
#[command(next_help_heading = "What the program may touch (nothing else)")]
pub struct Grants {
    /// A folder, seen by the program as GUEST (default: HOST as it is written); `:ro` makes it read-only.
    #[arg(long = "dir", value_name = "HOST[::GUEST][:ro]", value_parser = folder)]
    dirs: Vec<Folder>,
    /// An environment variable; without a value it is this process's own.
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = variable)]
    env: Vec<(String, String)>,
    /// Outgoing connections to a host: a name, an address, or `*` for any.
    #[arg(long = "allow-net", value_name = "HOST[:PORT]", value_parser = NetGrant::parse)]
    nets: Vec<NetGrant>,
    /// This process's standard input.
    #[arg(long)]
    stdin: bool,
    /// The clock: `real`, or `fixed` for one that stands still in 1970.
    #[arg(long, value_name = "real|fixed", default_value = "real", value_parser = ["real", "fixed"])]
    clock: String,
    /// Random numbers: `real`, or a number as the seed, the same for each task.
    #[arg(long, value_name = "real|SEED", default_value = "real", value_parser = chance)]
    random: Chance,
}

#[derive(Clone, Debug, PartialEq)]
struct Folder {
    host: PathBuf,
    guest: String,
    access: DirAccess,
}

#[derive(Clone, Copy, Debug)]
enum Chance {
    Real,
    Seed(u64),
}

impl Grants {
    /// The capabilities that the flags grant.
    ///
    /// # Errors
    /// A folder that cannot be opened, or two of one name.
    pub fn capabilities(&self) -> Result<Capabilities, Failure> {
        let mut granted = Capabilities::none();
        for (index, folder) in self.dirs.iter().enumerate() {
            if self.dirs[..index].iter().any(|other| other.guest == folder.guest) {
                let text = format!("two folders of --dir are both '{}' to the program", folder.guest);
                return Err(Failure::usage(text).hint("name them apart with --dir HOST::GUEST"));
            }
            granted =
                granted.dir(&folder.host, &folder.guest, folder.access).map_err(|error| cannot_open(folder, &error))?;
        }
        for (name, value) in &self.env {
            granted = granted.env(name, value);
        }
        granted = self.nets.iter().cloned().fold(granted, Capabilities::net);
        if self.stdin {
            granted = granted.stdin();
        }
        if self.clock == "real" {
            granted = granted.clock();
        }
        Ok(match self.random {
            Chance::Real => granted.random(),
            Chance::Seed(seed) => granted.random_seed(seed),
        })
    }
}

fn cannot_open(folder: &Folder, error: &std::io::Error) -> Failure {
    let text = format!("cannot open the folder '{}' of --dir: {error}", folder.host.display());
    match error.kind() {
        std::io::ErrorKind::NotFound => Failure::host(text).hint("create it, or correct the path"),
        std::io::ErrorKind::NotADirectory => Failure::host(text).hint("grant the folder that the file is in"),
        _ => Failure::host(text),
    }
}

/// `HOST[::GUEST][:ro]`. The last `::` divides, so that a host path may contain one.
fn folder(text: &str) -> Result<Folder, String> {
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
fn variable(text: &str) -> Result<(String, String), String> {
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

fn chance(text: &str) -> Result<Chance, String> {
    match text {
        "real" => Ok(Chance::Real),
        _ => text.parse().map(Chance::Seed).map_err(|_| "expected `real`, or a whole number as the seed".to_owned()),
    }
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
}
