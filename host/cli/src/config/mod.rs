//! `rustyray.toml`: what would be said by flags each time, written beside the guest.
//!
//! It is read for a guest's own crate, and for `--config`. Beside a module it is not: whoever hands out a module could
//! hand out the file with it, and grant himself what he likes.

pub mod document;
pub mod keys;
mod snippet;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Console;
use super::failure::Failure;
use super::grant_syntax::{folder, with};
use document::Setting;
use keys::Shape;

/// The file's name.
pub const NAME: &str = "rustyray.toml";

/// Bytes that a file may have: none that people write comes near.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The flags that are about the file.
#[derive(Args, Debug)]
#[command(next_help_heading = "Config")]
pub struct ConfigArgs {
    /// Read this file for all that the flags above can say; they win [default: rustyray.toml in the folder of a crate].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read no file.
    #[arg(long, conflicts_with = "config")]
    no_config: bool,
}

/// What the command line says itself, as the guest calls it.
pub struct Taken<'a> {
    /// Folders.
    pub folders: Vec<&'a str>,
    /// Other modules.
    pub modules: Vec<&'a str>,
}

/// A file that was read.
pub struct Config {
    path: PathBuf,
    settings: Vec<Setting>,
}

impl ConfigArgs {
    /// The file that holds for this guest, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub fn load(&self, guest: &Path) -> Result<Option<Config>, Failure> {
        let beside = || Some(guest.join(NAME)).filter(|_| !self.no_config && guest.is_dir());
        match self.config.clone().or_else(|| beside().filter(|path| path.exists())) {
            Some(path) => Config::read(path).map(Some),
            None => Ok(None),
        }
    }
}

impl Config {
    fn read(path: PathBuf) -> Result<Self, Failure> {
        let refused = |reason: String| Failure::usage(format!("cannot read '{}': {reason}", path.display()));
        let mut text = String::new();
        let file = File::open(&path).map_err(|error| refused(error.to_string()))?;
        file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| refused(error.to_string()))?;
        if text.len() as u64 > FILE_BYTES_MAX {
            return Err(refused(format!("a config file has at most {FILE_BYTES_MAX} bytes")));
        }
        match document::parse(&text) {
            Ok(settings) => Ok(Config { path, settings }),
            Err(fault) => Err(snippet::failure(&path, &text, &fault)),
        }
    }

    /// What it says of this flag.
    pub fn value(&self, flag: &str) -> Option<&str> {
        self.settings.iter().find(|setting| setting.key.flag == flag).map(|setting| setting.text.as_str())
    }

    /// The flags that say the same. Folders and modules that the command line names too, by what the guest calls them, are its own.
    pub fn flags(&self, taken: &Taken<'_>) -> Vec<OsString> {
        self.settings.iter().filter_map(|setting| self.flag(setting, taken)).collect()
    }

    fn flag(&self, setting: &Setting, taken: &Taken<'_>) -> Option<OsString> {
        let mut flag = OsString::from(format!("--{}", setting.key.flag));
        let (base, text) = (self.path.parent().unwrap_or(Path::new("")), &setting.text);
        match setting.key.shape {
            Shape::Switch => return Some(flag),
            Shape::Amount | Shape::Texts => flag.push(format!("={text}")),
            Shape::Path => {
                flag.push("=");
                flag.push(base.join(text));
            }
            Shape::Module => {
                let module = with(text).ok().filter(|module| !taken.modules.contains(&module.name.as_str()))?;
                flag.push(format!("={}=", module.name));
                flag.push(base.join(module.path));
            }
            Shape::Folders => {
                let granted = folder(text).ok().filter(|folder| !taken.folders.contains(&folder.guest.as_str()))?;
                flag.push("=");
                flag.push(base.join(granted.host));
                flag.push(format!("::{}", granted.guest));
                flag.push(text.strip_suffix(":ro").map_or("", |_| ":ro"));
            }
        }
        Some(flag)
    }

    /// Says what the file grants, so that nothing is granted unseen.
    pub fn announce(&self, taken: &Taken<'_>, console: &Console) {
        let granted = self.settings.iter().filter(|setting| ["grants", "with"].contains(&setting.key.table));
        let granted = granted.filter(|setting| self.flag(setting, taken).is_some());
        let words: Vec<String> = granted.map(words).collect();
        if !words.is_empty() && !console.is_quiet() {
            console.line(&format!("granted by {}: {}", self.path.display(), words.join(", ")));
        }
    }
}

/// Is this text right, as a file's?
///
/// # Errors
/// The first fault in it.
#[cfg(test)]
pub fn check(text: &str) -> Result<(), document::Fault> {
    document::parse(text).map(drop)
}

/// A grant as it is told: of a variable the name, as its value may be a secret.
fn words(setting: &Setting) -> String {
    let text = match setting.key.flag {
        "env" | "with" => setting.text.split('=').next().unwrap_or_default(),
        _ => &setting.text,
    };
    let name = if setting.key.flag == "with" { "module" } else { setting.key.name };
    format!("{name} {text}").trim_end().to_owned()
}
