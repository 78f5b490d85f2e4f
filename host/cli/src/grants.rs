//! What the program may touch, as it is said on the command line. Nothing is granted that is not said.

use std::collections::BTreeSet;

use clap::Args;
use rustyray_host::{Capabilities, DirAccess, NetGrant};

use super::failure::Failure;
use super::grant_syntax::{Chance, Folder, chance, folder, variable};

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
    /// Outgoing connections to hosts: a name, `*.NAME`, an address, a range such as 10.0.0.0/8, `localhost`, or `*` for all that is
    /// public; to all ports, one, or FIRST-LAST.
    #[arg(long = "allow-net", value_name = "HOST[:PORTS]", value_parser = NetGrant::parse)]
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

impl Grants {
    /// What the program calls its folders.
    pub fn folder_names(&self) -> Vec<&str> {
        self.dirs.iter().map(|folder| folder.guest.as_str()).collect()
    }

    /// Folders of which one is in the other, or that are the same, and that grant different things: what is read-only by the one path
    /// can be written by the other.
    pub fn contradictions(&self) -> BTreeSet<String> {
        let pairs = self.dirs.iter().flat_map(|one| self.dirs.iter().map(move |other| (one, other)));
        let told = pairs.filter(|(inner, outer)| inner.differs_within(outer)).map(|(inner, outer)| {
            let (read_only, writable) = if inner.access == DirAccess::ReadOnly { (inner, outer) } else { (outer, inner) };
            format!(
                "'{}' is read-only to the program, and '{}' is not, where the same files are: what it may not change by the one path it \
                 may by the other",
                read_only.guest, writable.guest
            )
        });
        // Of two names of one folder each is in the other.
        told.collect()
    }

    /// The capabilities that the flags grant.
    ///
    /// # Errors
    /// A folder that cannot be opened, or two of one name.
    pub fn capabilities(&self) -> Result<Capabilities, Failure> {
        let mut granted = Capabilities::none();
        for (index, folder) in self.dirs.iter().enumerate() {
            if let Some(other) = self.dirs[..index].iter().find(|other| other.is_called_like(folder)) {
                let text = format!(
                    "two folders of --dir are both '{}' to the program, '{}' and '{}': it would never reach the second one",
                    other.guest,
                    other.host.display(),
                    folder.host.display()
                );
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
