//! Cargo, which builds a guest's crate.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::build_args::BuildArgs;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::{colour, results};

/// What guests are compiled to.
pub const TARGET: &str = "wasm32-wasip2";

/// A crate that was built.
#[derive(Debug)]
pub struct Built {
    /// Its module.
    pub module: PathBuf,
}

/// A line of cargo's `--message-format=json`, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the crate in this folder. Cargo's own output goes to standard error.
///
/// # Errors
/// It does not build, or makes no module, or more than one.
pub fn build(folder: &Path, args: &BuildArgs, console: &Console) -> Result<Built, Failure> {
    run_cargo(folder, args, console, false)
}

/// The same, with cargo's messages as lines of JSON on standard output.
///
/// # Errors
/// The same.
pub fn build_as_json(folder: &Path, args: &BuildArgs, console: &Console) -> Result<Built, Failure> {
    run_cargo(folder, args, console, true)
}

fn run_cargo(folder: &Path, args: &BuildArgs, console: &Console, json: bool) -> Result<Built, Failure> {
    let manifest = manifest(folder)?;
    let mut command = cargo_build(&manifest, args, console, json);
    console.clear();
    // Cargo writes there itself.
    console.catch_up();
    let mut cargo = command.stdout(Stdio::piped()).spawn().map_err(|error| no_cargo(&error))?;
    let mut modules = Vec::new();
    for line in cargo.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
        let line = line.map_err(|error| Failure::host(format!("cannot read what cargo says: {error}")))?;
        if json {
            results::write_out(format!("{line}\n").as_bytes())?;
        }
        modules.extend(serde_json::from_str(&line).ok().and_then(|message| module(message, &manifest)));
    }
    let status = cargo.wait().map_err(|error| Failure::host(format!("cannot wait for cargo: {error}")))?;
    if !status.success() {
        let failure = Failure::new(Exit::NoModule, format!("'{}' does not build", folder.display()));
        return Err(match target_is_there() {
            Some(false) => failure.hint(format!("its target is missing: `rustup target add {TARGET}`")),
            _ => failure,
        });
    }
    one(modules, folder).map(|module| Built { module })
}

/// The absolute path of its manifest, as cargo names it.
fn manifest(folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join("Cargo.toml");
    path.canonicalize().map_err(|_| {
        let failure = Failure::new(Exit::NoModule, format!("there is no Cargo.toml in '{}'", folder.display()));
        failure.hint("name a module, or the folder of a guest's crate; `rustyray-host new NAME` makes one")
    })
}

fn cargo_build(manifest: &Path, args: &BuildArgs, console: &Console, json: bool) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let format = if json { "json" } else { "json-render-diagnostics" };
    command.args(["build", "--target", TARGET, "--message-format", format, "--manifest-path"]).arg(manifest);
    command.args(args.release.then_some("--release")).args(console.is_quiet().then_some("--quiet"));
    if let Some(name) = &args.bin {
        command.args(["--bin", name]);
    }
    match colour::choice() {
        clap::ColorChoice::Auto => {}
        choice => drop(command.args(["--color", &choice.to_string()])),
    }
    // There, so that its own toolchain file and cargo config hold.
    command.current_dir(manifest.parent().unwrap_or(Path::new(".")));
    command
}

fn no_cargo(error: &std::io::Error) -> Failure {
    Failure::host(format!("cannot start cargo: {error}"))
        .hint("install Rust; `rustyray-host doctor` says what is missing")
}

/// The module that a message tells of, if it is one of this very crate's.
fn module(message: Message, manifest: &Path) -> Option<(String, PathBuf)> {
    let target = message.target.filter(|_| message.reason == "compiler-artifact")?;
    let ours = message.manifest_path.and_then(|path| path.canonicalize().ok()).is_some_and(|path| path == manifest);
    let kind = target.kind.iter().any(|kind| kind == "bin" || kind == "cdylib");
    let module = message.filenames.into_iter().find(|file| file.extension().is_some_and(|end| end == "wasm"))?;
    (ours && kind).then_some((target.name, module))
}

fn one(mut modules: Vec<(String, PathBuf)>, folder: &Path) -> Result<PathBuf, Failure> {
    match (modules.pop(), modules.is_empty()) {
        (Some((_, module)), true) => Ok(module),
        (Some((last, _)), false) => {
            let names: Vec<&str> = modules.iter().map(|(name, _)| name.as_str()).chain([last.as_str()]).collect();
            let text = format!("'{}' has more than one program: {}", folder.display(), names.join(", "));
            Err(Failure::usage(text).hint("say which with --bin NAME"))
        }
        (None, _) => {
            let text = format!("'{}' makes no module", folder.display());
            let hint = "give it a src/main.rs, or a library with crate-type = [\"cdylib\"]";
            Err(Failure::new(Exit::NoModule, text).hint(hint))
        }
    }
}

/// Is the target's standard library installed? `None` if rustc does not say.
pub fn target_is_there() -> Option<bool> {
    let rustc = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output().ok()?;
    let folder = String::from_utf8(rustc.stdout).ok().filter(|_| rustc.status.success())?;
    let mut files = std::fs::read_dir(folder.trim()).into_iter().flatten().flatten();
    Some(files.any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}
