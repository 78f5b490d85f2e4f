//! The folder for compiled modules.

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustyray_host::HostBuilder;

use super::console::Console;

/// Gives a host the folder. It can do without one, so a refusal is only worth a note.
pub fn add(builder: HostBuilder, refused: bool, console: &Console) -> HostBuilder {
    if refused {
        return builder;
    }
    match folder() {
        Ok(dir) => {
            console.note(&format!("compiled modules are kept in {}", dir.display()));
            builder.cache_dir(dir)
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
/// Why there can be none, in words. Whoever can write there runs code in the host, so it has to be ours alone.
pub fn folder() -> Result<PathBuf, String> {
    let dir = place_of_this_user().ok_or("neither XDG_CACHE_HOME nor HOME is an absolute path")?;
    let refused = |error| format!("cannot use '{}': {error}", dir.display());
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(refused)?;
    check_owner(&dir)?;
    Ok(dir)
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

fn check_owner(dir: &Path) -> Result<(), String> {
    let refused = |error| format!("cannot use '{}': {error}", dir.display());
    let folder = dir.metadata().map_err(refused)?;
    // A file made now belongs to us, which is how to learn who we are; and it shows that we can write.
    let probe = dir.join(format!(".probe-{}", std::process::id()));
    let made = File::create(&probe).and_then(|file| file.metadata()).map_err(refused);
    let _ = std::fs::remove_file(&probe);
    if made?.uid() != folder.uid() {
        return Err(format!("'{}' belongs to another user", dir.display()));
    }
    if folder.mode() & 0o022 != 0 {
        return Err(format!(
            "others can write to '{dir}': take that from them with `chmod 700 {dir}`",
            dir = dir.display()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn xdg_goes_first_unless_it_is_relative() {
        let place = |xdg: Option<&str>, home: Option<&str>| place(xdg.map(Into::into), home.map(Into::into));
        assert_eq!(place(Some("/x"), Some("/h")), Some("/x/rustyray-host".into()));
        assert_eq!(place(Some("x"), Some("/h")), Some("/h/.cache/rustyray-host".into()));
        assert_eq!(place(None, None), None);
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        check_owner(dir.path()).unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(check_owner(dir.path()).unwrap_err().contains("chmod 700"));
    }
}
