//! The folder for compiled modules.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rustyray_host::{HostBuilder, ModuleCache};

use super::console::Console;
use super::failure::Failure;
use super::results;

/// Show or empty the cache of compiled modules.
///
/// It is a folder of the user's own, where run, call, compile and the others keep native code, up to a gibibyte. Whoever can write there
/// can run code here.
#[derive(Args)]
pub struct CacheOf {
    #[command(subcommand)]
    what: Option<What>,
    /// As JSON: an object for each module, {"module","bytes","file"}.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Show what is in it, the last used first (what `cache` alone does).
    List,
    /// Remove all of it; programs that run are not disturbed.
    Clear,
}

impl CacheOf {
    /// Shows it, or empties it.
    ///
    /// # Errors
    /// There is none, or a file cannot be read or removed.
    pub fn execute(&self) -> Result<u8, Failure> {
        let cache = of_this_user().map_err(|reason| Failure::host(format!("there is no cache: {reason}")))?;
        let folder = cache.folder().display();
        let failed = |error| Failure::host(format!("cannot use '{folder}': {error}"));
        let (modules, verb) = match self.what {
            None | Some(What::List) => (cache.modules().map_err(failed)?, ""),
            Some(What::Clear) => (cache.clear().map_err(failed)?, " removed:"),
        };
        if self.json {
            modules.iter().try_for_each(results::write_json_line)?;
            return Ok(0);
        }
        let sum: u64 = modules.iter().map(|module| module.bytes).sum();
        let mut text = format!("{folder}:{verb} {} modules, {}\n", modules.len(), mebibytes(sum));
        for module in &modules {
            text.push_str(&format!("{:>10}  {}\n", mebibytes(module.bytes), module.module.escape_debug()));
        }
        results::write_out(text.as_bytes())?;
        Ok(0)
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Gives a host the folder. It can do without one, so a refusal is only worth a note.
pub fn add(builder: HostBuilder, refused: bool, console: &Console) -> HostBuilder {
    if refused {
        return builder;
    }
    match of_this_user() {
        Ok(cache) => {
            console.note(&format!("compiled modules are kept in {}", cache.folder().display()));
            builder.cache_dir(cache.folder())
        }
        Err(reason) => {
            console.note(&format!("compiled modules are not kept: {reason}"));
            builder
        }
    }
}

/// `$XDG_CACHE_HOME/rustyray-host`, or `~/.cache/rustyray-host`, made if it is missing.
///
/// # Errors
/// Why there can be none, in words.
pub fn of_this_user() -> Result<ModuleCache, String> {
    let folder = place_of_this_user().ok_or("neither XDG_CACHE_HOME nor HOME is an absolute path")?;
    ModuleCache::open(&folder).map_err(|error| format!("cannot use '{}': {error}", folder.display()))
}

/// Where it is, or would be.
pub fn place_of_this_user() -> Option<PathBuf> {
    place(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"))
}

/// A relative path is to be ignored, says the specification.
fn place(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    xdg.and_then(absolute)
        .or_else(|| Some(home.and_then(absolute)?.join(".cache")))
        .map(|cache| cache.join("rustyray-host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xdg_goes_first_unless_it_is_relative() {
        let place = |xdg: Option<&str>, home: Option<&str>| place(xdg.map(Into::into), home.map(Into::into));
        assert_eq!(place(Some("/x"), Some("/h")), Some("/x/rustyray-host".into()));
        assert_eq!(place(Some("x"), Some("/h")), Some("/h/.cache/rustyray-host".into()));
        assert_eq!(place(None, None), None);
    }
}
