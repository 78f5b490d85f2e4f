//! What `doctor` looks at.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustyray_host::wasmtime::PoolingAllocationConfig;
use rustyray_host::{BuildError, Host};
use serde::Serialize;

use super::cache;
use super::canary::Compiler;
use super::toolchain::{TARGET, target_is_there};

/// Open files that a host should be allowed: each guest that holds folders or connections has some.
const FILES_WANTED: u64 = 4096;

/// One thing that was looked at.
#[derive(Serialize)]
pub struct Check {
    /// What.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// In words.
    pub found: String,
    /// The command that mends it, if one does.
    pub mend: Option<String>,
    /// Does that need root?
    pub root: bool,
    /// The same command, where `doctor --fix` may run it.
    #[serde(skip)]
    pub fix: Option<Vec<String>>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It goes without, but slower or not as far.
    Warning,
    /// Something does not work.
    Missing,
}

impl Check {
    fn new(check: &'static str, state: State, found: impl Into<String>) -> Self {
        Check { check, state, found: found.into(), mend: None, root: false, fix: None }
    }

    /// With a command for the user's own shell.
    fn by_hand(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into());
        self
    }

    /// With a command that needs no root.
    fn by(mut self, command: &[&str]) -> Self {
        self.mend = Some(command.join(" "));
        self.fix = Some(command.iter().map(|&word| word.to_owned()).collect());
        self
    }

    fn by_root(mut self, command: String) -> Self {
        (self.mend, self.root) = (Some(command), true);
        self
    }
}

/// Looks at everything, for a host of this many instances.
pub fn all(instances: u32) -> Vec<Check> {
    vec![
        rust("rustc"),
        rust("cargo"),
        target(),
        built_by(),
        host(instances),
        compiled_modules(),
        pagemap_scan(),
        memory(cgroup_limit(Path::new("/sys/fs/cgroup"))),
        open_files(),
    ]
}

/// The compiler and the builder, new enough.
fn rust(tool: &'static str) -> Check {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    let said = Command::new(tool).arg("--version").output().ok().filter(|output| output.status.success());
    let Some(said) = said.and_then(|output| String::from_utf8(output.stdout).ok()) else {
        let check = Check::new(tool, State::Missing, "it is not on the PATH");
        return check.by_hand(format!("install Rust {wanted} or later, with rustup or the system's packages"));
    };
    let version = said.split(' ').nth(1).unwrap_or_default();
    if at_least(version, wanted) {
        return Check::new(tool, State::Ok, version);
    }
    let check = Check::new(tool, State::Missing, format!("{version} is older than {wanted}"));
    check.by(&["rustup", "update", "stable"])
}

/// Is the version not older? What is no version is old.
fn at_least(version: &str, wanted: &str) -> bool {
    let numbers = |text: &str| -> Option<(u32, u32)> {
        let mut parts = text.split(['.', '-']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    numbers(version) >= numbers(wanted)
}

fn target() -> Check {
    match target_is_there() {
        Some(true) => Check::new(TARGET, State::Ok, "its standard library is installed"),
        there => {
            let found = if there.is_some() { "its standard library is not installed" } else { "rustc does not say" };
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/wasip2-target");
            let check = Check::new(TARGET, State::Missing, found);
            match (rustup_is_there(), script.canonicalize()) {
                (false, Ok(script)) => check.by(&[&script.to_string_lossy()]),
                _ => check.by(&["rustup", "target", "add", TARGET]),
            }
        }
    }
}

fn rustup_is_there() -> bool {
    Command::new("rustup").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The compiler that built this host, which may differ from the installed one. The host works with either kind.
fn built_by() -> Check {
    Check::new("built by", State::Ok, Compiler::of_this_build().in_words())
}

/// The host itself: whether it starts says more than any number.
fn host(instances: u32) -> Check {
    match Host::builder().instances(instances).threads(1).build() {
        Ok(_) => Check::new("instances", State::Ok, format!("a host of {instances} instances starts")),
        Err(BuildError::TooManyInstances { allowed, suggested, .. }) => {
            let found = format!("vm.max_map_count is {allowed}, which is too little for {instances} instances");
            let check = Check::new("instances", State::Missing, found);
            check.by_root(format!("sysctl -w vm.max_map_count={suggested}"))
        }
        Err(error) => {
            let check =
                Check::new("instances", State::Missing, format!("a host of {instances} does not start: {error}"));
            check.by_hand("ulimit -v unlimited, or fewer --instances")
        }
    }
}

fn compiled_modules() -> Check {
    match cache::of_this_user() {
        Ok(cache) => {
            Check::new("cache", State::Ok, format!("compiled modules are kept in {}", cache.folder().display()))
        }
        Err(reason) => {
            let check = Check::new("cache", State::Warning, format!("modules are compiled each time: {reason}"));
            let ours = cache::place_of_this_user().filter(|folder| folder.is_dir());
            match ours {
                Some(folder) => check.by(&["chmod", "700", &folder.to_string_lossy()]),
                None => check.by_hand("export XDG_CACHE_HOME=a folder of your own"),
            }
        }
    }
}

fn pagemap_scan() -> Check {
    let name = "pagemap_scan";
    match PoolingAllocationConfig::is_pagemap_scan_available() {
        true => Check::new(name, State::Ok, "the kernel tells which pages a guest touched"),
        false => {
            Check::new(name, State::Warning, "guests start slower: the kernel cannot tell which pages one touched")
                .by_hand("run on Linux 6.7 or later, where no filter forbids the ioctl")
        }
    }
}

/// Memory, and what limits it.
fn memory(limit: Option<u64>) -> Check {
    let mib = |bytes: u64| bytes >> 20;
    let total = meminfo(&std::fs::read_to_string("/proc/meminfo").unwrap_or_default());
    match (limit, total) {
        (Some(limit), total) if total.is_none_or(|total| limit < total) => {
            let found = format!("a control group allows {} MiB, beyond which the kernel ends the host", mib(limit));
            let check = Check::new("memory", State::Warning, found);
            check.by_hand(format!("rustyray-host run --host-memory {}MiB …", mib(limit) / 5 * 4))
        }
        (_, Some(total)) => {
            Check::new("memory", State::Ok, format!("{} MiB, not limited by a control group", mib(total)))
        }
        (_, None) => Check::new("memory", State::Ok, "no limit is known"),
    }
}

/// Bytes of `MemTotal`.
fn meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least limit of this process's control groups (version 2), from its own up to the root.
fn cgroup_limit(root: &Path) -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let folders: Vec<PathBuf> =
        Path::new(path).ancestors().map(|folder| root.join(folder).join("memory.max")).collect();
    folders.iter().filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok()).min()
}

fn open_files() -> Check {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).unwrap_or("unknown");
    match soft.parse::<u64>() {
        Ok(files) if files < FILES_WANTED => {
            let found =
                format!("{files} may be open; {FILES_WANTED} are better where guests use folders or the network");
            Check::new("open files", State::Warning, found).by_hand(format!("ulimit -n {FILES_WANTED}"))
        }
        _ => Check::new("open files", State::Ok, format!("{soft} may be open")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for (version, enough) in
            [("1.95.0", true), ("1.100.0-nightly", true), ("1.9.0", false), ("", false), ("2.0", true)]
        {
            assert_eq!(at_least(version, "1.95"), enough, "{version}");
        }
    }

    #[test]
    fn the_limit_of_a_control_group_is_a_warning_with_a_number() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(cgroup_limit(folder.path()), None);
        std::fs::write(folder.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(cgroup_limit(folder.path()), None);
        std::fs::write(folder.path().join("memory.max"), "104857600\n").unwrap();
        assert_eq!(cgroup_limit(folder.path()), Some(100 << 20));
        let check = memory(Some(100 << 20));
        assert_eq!(check.state, State::Warning);
        assert!(check.mend.unwrap().contains("--host-memory 80MiB"));
        assert_eq!(meminfo("MemTotal:        2048 kB\nMemFree: 1 kB"), Some(2 << 20));
    }

    #[test]
    fn too_many_instances_are_found() {
        let check = host(1_000_000_000);
        assert_eq!(check.state, State::Missing);
        assert!(check.mend.is_some() && check.fix.is_none(), "it is not for --fix to do");
    }
}
