//! The file of a module.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::runtime::{Runtime, on_blocking_threads_of};
use crate::sandbox::ModuleError;
use crate::types::limits::MODULE_BYTES_MAX;

/// The bytes of a module's file, read away from the caller's thread: a slow disk or a pipe must not hold it up.
pub(super) async fn read_away(runtime: &Runtime, path: &Path) -> Result<Vec<u8>, ModuleError> {
    let path = path.to_owned();
    on_blocking_threads_of(runtime.tokio(), move || read_module(&path)).await
}

/// The bytes of a file, as long as they can be a module: what is no regular file tells its length only by being read.
fn read_module(path: &Path) -> Result<Vec<u8>, ModuleError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > MODULE_BYTES_MAX {
        return Err(ModuleError::TooLarge(length));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(MODULE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
