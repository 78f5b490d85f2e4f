//! What a guest may touch outside its own memory: nothing but what is listed here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::error::{ErrorKind, TaskError};
use super::limits::TEXT_BYTES;
use super::net_grant::NetGrant;

/// What may be done in a granted directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirAccess {
    /// Look and read.
    ReadOnly,
    /// Also create, write, rename and delete.
    ReadWrite,
}

/// A granted directory. It was opened when it was granted, so what is at its path later does not matter.
#[derive(Clone)]
pub struct DirGrant {
    /// The path that the guest sees.
    pub guest_path: String,
    /// What it may do there.
    pub access: DirAccess,
    /// Where it was when it was granted.
    pub host_path: PathBuf,
    /// The open directory.
    pub dir: Arc<Dir>,
}

/// The capabilities of a guest.
///
/// The default is none at all: no files, no network, no environment, no standard input, a clock that stands still, and
/// random numbers from a fixed seed.
///
/// ```no_run
/// use rustyray_host::{Capabilities, DirAccess};
/// let capabilities = Capabilities::none().dir("./texts", "/data", DirAccess::ReadOnly)?.env("LANG", "C").clock();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Capabilities {
    pub(crate) dirs: Vec<DirGrant>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) nets: Vec<NetGrant>,
    /// The names of other modules whose tasks and actors it may submit and create.
    pub(crate) modules: BTreeSet<Arc<str>>,
    pub(crate) stdin: bool,
    pub(crate) clock: bool,
    pub(crate) fixed_time: SystemTime,
    pub(crate) random: bool,
    pub(crate) random_seed: u64,
    /// Of a pure task and what it submits: actors, whose state is another's doing, are out of reach as well.
    pub(crate) pure: bool,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::none()
    }
}

impl Capabilities {
    /// Bytes that the host keeps of them, where they are a single task's: what is granted is shared, and the lists are not.
    pub(crate) fn kept_bytes(&self) -> u64 {
        let dirs = self.dirs.iter().map(|grant| grant.guest_path.len() + grant.host_path.as_os_str().len());
        let env = self.env.iter().map(|(name, value)| name.len() + value.len());
        let nets = self.nets.iter().map(NetGrant::text_bytes);
        let texts = dirs.chain(env).chain(nets).chain(self.modules.iter().map(|_| 0));
        size_of::<Self>() as u64 + texts.map(|text| text as u64 + 2 * TEXT_BYTES).sum::<u64>()
    }

    /// No capability.
    pub fn none() -> Self {
        Capabilities {
            dirs: Vec::new(),
            env: BTreeMap::new(),
            nets: Vec::new(),
            modules: BTreeSet::new(),
            stdin: false,
            clock: false,
            fixed_time: UNIX_EPOCH,
            random: false,
            random_seed: 0,
            pure: false,
        }
    }

    /// May whoever holds these create and find actors?
    ///
    /// # Errors
    /// `CapabilityDenied` to a pure task, and to what it submits.
    pub(crate) fn actors_in_reach(&self) -> Result<(), TaskError> {
        if self.pure {
            let text = "a pure task, and what it submits, can neither create nor find actors: their state would decide \
                        about its result";
            return Err(TaskError::new(ErrorKind::CapabilityDenied, text));
        }
        Ok(())
    }

    /// Those of a pure task, whatever its host's are.
    pub(crate) fn pure() -> Self {
        Capabilities { pure: true, ..Capabilities::none() }
    }

    /// Grants the directory at `host_path`, seen by the guest at `guest_path`.
    ///
    /// # Errors
    /// The directory cannot be opened.
    pub fn dir(
        mut self,
        host_path: impl AsRef<Path>,
        guest_path: impl Into<String>,
        access: DirAccess,
    ) -> io::Result<Self> {
        let host_path = host_path.as_ref().to_owned();
        let dir = Arc::new(Dir::open_ambient_dir(&host_path, ambient_authority())?);
        self.dirs.push(DirGrant { guest_path: guest_path.into(), access, host_path, dir });
        Ok(self)
    }

    /// Grants an environment variable with this value.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Grants outgoing connections to these hosts. A name is looked up when the guest does.
    pub fn net(mut self, grant: NetGrant) -> Self {
        self.nets.push(grant);
        self
    }

    /// Grants the tasks and actors of another module, by the name that it is [registered](crate::Module::register) under. They
    /// hold no more than whoever calls them, and run the other module's code.
    pub fn module(mut self, name: impl Into<Arc<str>>) -> Self {
        self.modules.insert(name.into());
        self
    }

    /// The modules whose tasks and actors are granted, in the order of their names.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|name| &**name)
    }

    /// Are the tasks and actors of this module granted?
    pub(crate) fn has_module(&self, name: &str) -> bool {
        self.modules.contains(name)
    }

    /// Grants the process's standard input. Once a guest reads it, a thread of the process waits for more until the
    /// process ends.
    pub fn stdin(mut self) -> Self {
        self.stdin = true;
        self
    }

    /// Grants the real clock.
    pub fn clock(mut self) -> Self {
        self.clock = true;
        self
    }

    /// The time that a guest without the real clock sees. Default: the start of 1970.
    pub fn fixed_time(mut self, at: SystemTime) -> Self {
        self.fixed_time = at;
        self
    }

    /// Grants real random numbers.
    pub fn random(mut self) -> Self {
        self.random = true;
        self
    }

    /// The seed of a guest without real random numbers. Default: 0.
    pub fn random_seed(mut self, seed: u64) -> Self {
        self.random_seed = seed;
        self
    }

    /// What is granted, by name: `dir:/data`, `dir:/data:ro`, `env:NAME`, `net:HOST:PORT`, `module:NAME`, `stdin`, `clock`,
    /// `random`.
    pub fn names(&self) -> Vec<String> {
        let dirs = self.dirs.iter().map(|grant| match grant.access {
            DirAccess::ReadOnly => format!("dir:{}:ro", grant.guest_path),
            DirAccess::ReadWrite => format!("dir:{}", grant.guest_path),
        });
        let flags = [(self.stdin, "stdin"), (self.clock, "clock"), (self.random, "random")];
        dirs.chain(self.env.keys().map(|name| format!("env:{name}")))
            .chain(self.nets.iter().map(|grant| format!("net:{grant}")))
            .chain(self.modules.iter().map(|name| format!("module:{name}")))
            .chain(flags.into_iter().filter(|(granted, _)| *granted).map(|(_, name)| name.to_owned()))
            .collect()
    }

    /// Only the named ones of these.
    ///
    /// # Errors
    /// The first name that is not covered by what is held here.
    pub fn narrow<S: AsRef<str>>(&self, names: &[S]) -> Result<Capabilities, String> {
        let mut kept = Capabilities {
            fixed_time: self.fixed_time,
            random_seed: self.random_seed,
            pure: self.pure,
            ..Self::none()
        };
        for name in names {
            self.keep(name.as_ref(), &mut kept).ok_or_else(|| name.as_ref().to_owned())?;
        }
        Ok(kept)
    }

    /// Moves one named capability over; `None` if it is not held.
    fn keep(&self, name: &str, kept: &mut Capabilities) -> Option<()> {
        let flag = |held: bool, keep: &mut bool| {
            *keep = held;
            held.then_some(())
        };
        match name.split_once(':') {
            None if name == "stdin" => flag(self.stdin, &mut kept.stdin),
            None if name == "clock" => flag(self.clock, &mut kept.clock),
            None if name == "random" => flag(self.random, &mut kept.random),
            Some(("dir", path)) => {
                let grant = self.dir_named(path)?;
                // Named twice it is held once, as it was named last: each is an open file of its guest.
                kept.dirs.retain(|held| held.guest_path != grant.guest_path);
                kept.dirs.push(grant);
                Some(())
            }
            Some(("env", name)) => {
                let value = self.env.get(name)?;
                kept.env.insert(name.to_owned(), value.clone());
                Some(())
            }
            Some(("net", asked)) => {
                let asked = NetGrant::parse(asked).ok()?;
                kept.nets.retain(|held| *held != asked);
                self.nets.iter().any(|grant| grant.covers(&asked)).then(|| kept.nets.push(asked))
            }
            Some(("module", name)) => {
                let name = self.modules.get(name)?;
                kept.modules.insert(name.clone());
                Some(())
            }
            _ => None,
        }
    }

    /// The directory of this name, read-only where the name says so.
    fn dir_named(&self, name: &str) -> Option<DirGrant> {
        let (path, access) = match name.strip_suffix(":ro") {
            Some(path) => (path, DirAccess::ReadOnly),
            None => (name, DirAccess::ReadWrite),
        };
        let held = self.dirs.iter().find(|grant| grant.guest_path == path)?;
        let allowed = access == DirAccess::ReadOnly || held.access == DirAccess::ReadWrite;
        allowed.then(|| DirGrant { access, ..held.clone() })
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Capabilities").field(&self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> Capabilities {
        let here = std::env::temp_dir();
        Capabilities::none()
            .dir(&here, "/rw", DirAccess::ReadWrite)
            .and_then(|held| held.dir(&here, "/ro", DirAccess::ReadOnly))
            .unwrap()
            .env("LANG", "C")
            .net(NetGrant::parse("example.org").unwrap())
            .net(NetGrant::parse("127.0.0.1:80").unwrap())
            .module("calc")
            .clock()
    }

    #[test]
    fn fewer_is_fine() {
        for name in [
            "dir:/rw",
            "dir:/rw:ro",
            "dir:/ro:ro",
            "env:LANG",
            "net:example.org:443",
            "net:127.0.0.1:80",
            "module:calc",
            "clock",
        ] {
            assert_eq!(held().narrow(&[name]).unwrap().names(), [name]);
        }
        assert!(held().narrow::<&str>(&[]).unwrap().names().is_empty());
    }

    #[test]
    fn more_is_refused_by_name() {
        let names = [
            "dir:/ro",
            "dir:/",
            "env:HOME",
            "net:*",
            "net:127.0.0.1",
            "net:127.0.0.1:81",
            "module:calc2",
            "module:",
            "module:*",
            "stdin",
            "random",
            "",
            "dir",
            "x:y",
        ];
        for name in names {
            assert_eq!(held().narrow(&[name]).unwrap_err(), name);
        }
    }
}
