//! What users uploaded.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A component, in the binary or in the text format, and whose it is.
pub struct Upload {
    pub user: String,
    pub plugin: String,
    path: PathBuf,
}

impl Upload {
    /// `plugin-ben-quotes.wasm` is ben's plugin `quotes`.
    fn of(path: PathBuf) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = stem.strip_prefix("plugin-").unwrap_or(&stem);
        let (user, plugin) = name.split_once('-').unwrap_or((name, "plugin"));
        Upload { user: user.to_owned(), plugin: plugin.to_owned(), path }
    }

    /// The component's bytes.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        let bytes = fs::read(&self.path).map_err(|error| error.to_string())?;
        match self.path.extension().is_some_and(|extension| extension == "wat") {
            true => wat::parse_bytes(&bytes).map(Into::into).map_err(|error| error.to_string()),
            false => Ok(bytes),
        }
    }
}

/// The files of these paths, and those in them that are folders, sorted by user.
pub fn find(paths: impl Iterator<Item = PathBuf>) -> io::Result<Vec<Upload>> {
    let mut uploads = Vec::new();
    for path in paths {
        let files = if path.is_dir() { components(&path)? } else { vec![path] };
        uploads.extend(files.into_iter().map(Upload::of));
    }
    uploads.sort_by(|one, other| (&one.user, &one.plugin).cmp(&(&other.user, &other.plugin)));
    Ok(uploads)
}

fn components(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let is_component =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wasm" || extension == "wat");
    Ok(paths.collect::<io::Result<Vec<_>>>()?.into_iter().filter(is_component).collect())
}
