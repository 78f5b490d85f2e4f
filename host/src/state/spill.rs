//! Where cold objects go: files in a folder of the host's own, checked when they are read back.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::words::error::{ErrorKind, TaskError};

/// What the folders are called, with a number behind it.
const NAME: &str = "rustyray-spill-";

/// Held by whoever makes or removes a folder.
const GATE: &str = "rustyray-spill.lock";

/// In each folder; locked as long as its host lives.
const OWNER: &str = "owner.lock";

/// A folder of one host. Dropping it removes it; what a host that crashed left is removed by the next one.
#[derive(Debug)]
pub struct SpillFolder {
    path: PathBuf,
    limit: u64,
    used: AtomicU64,
    files: AtomicU64,
    /// Says that the owner lives. The system lets go of it with the process.
    _owner: File,
}

impl SpillFolder {
    /// A new folder under `root`, for at most `limit` bytes. `root` is made if it is missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(root: &Path, limit: u64) -> io::Result<Arc<Self>> {
        fs::create_dir_all(root)?;
        // Until the end of this function, so that nobody removes a folder that has no owner yet.
        let gate = OpenOptions::new().create(true).truncate(false).write(true).open(root.join(GATE))?;
        gate.lock()?;
        remove_abandoned(root)?;
        let path = (0..).map(|number| root.join(format!("{NAME}{}-{number}", std::process::id())));
        let path = path.into_iter().find(|path| !path.exists()).unwrap_or_else(|| root.join(NAME));
        fs::create_dir(&path)?;
        let owner = File::create_new(path.join(OWNER))?;
        owner.lock()?;
        Ok(Arc::new(SpillFolder { path, limit, used: AtomicU64::new(0), files: AtomicU64::new(0), _owner: owner }))
    }

    /// Bytes that are here.
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Writes bytes to a file of their own.
    ///
    /// # Errors
    /// `OutOfDisk`: the folder is at its limit, or the disk takes no more.
    pub fn write(self: &Arc<Self>, bytes: &[u8]) -> Result<SpillFile, TaskError> {
        let length = bytes.len() as u64;
        let grow = |used: u64| used.checked_add(length).filter(|total| *total <= self.limit);
        if let Err(used) = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow) {
            let text = format!(
                "the object store is full, and spilled objects take {used} of {} bytes on disk: drop references, or raise a limit",
                self.limit
            );
            return Err(TaskError::new(ErrorKind::OutOfDisk, text));
        }
        let path = self.path.join(format!("{}.object", self.files.fetch_add(1, Ordering::Relaxed)));
        // Made first: dropping it gives back what was counted, and removes what was written.
        let file = SpillFile { folder: self.clone(), path, length, digest: Sha256::digest(bytes).into() };
        let written = File::create_new(&file.path).and_then(|mut to| to.write_all(bytes));
        written.map(|()| file).map_err(|error| {
            let text = format!("the object store is full, and an object could not be written to disk: {error}");
            TaskError::new(ErrorKind::OutOfDisk, text)
        })
    }
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!("a folder of spilled objects could not be removed: {error}");
        }
    }
}

/// Removes the folders whose owners are gone.
fn remove_abandoned(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        let is_ours = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(NAME));
        if !is_ours || !path.is_dir() {
            continue;
        }
        let lives = File::open(path.join(OWNER))
            .is_ok_and(|owner| matches!(owner.try_lock_shared(), Err(TryLockError::WouldBlock)));
        if !lives {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// One object's bytes on disk. Dropping it removes the file.
#[derive(Debug)]
pub struct SpillFile {
    folder: Arc<SpillFolder>,
    path: PathBuf,
    length: u64,
    digest: [u8; 32],
}

impl SpillFile {
    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// The bytes.
    ///
    /// # Errors
    /// Why they are lost.
    pub fn read(&self) -> Result<Bytes, String> {
        let bytes = fs::read(&self.path).map_err(|error| format!("its spill file cannot be read: {error}"))?;
        if bytes.len() as u64 != self.length || Sha256::digest(&bytes)[..] != self.digest {
            return Err("its spill file is damaged".to_owned());
        }
        Ok(bytes.into())
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        // Gone already where somebody else removed it, or where it was never made.
        let _ = fs::remove_file(&self.path);
        self.folder.used.fetch_sub(self.length, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &SpillFolder) -> Vec<PathBuf> {
        let entries = fs::read_dir(&folder.path).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.extension().is_some_and(|end| end == "object")).collect()
    }

    #[test]
    fn what_is_written_is_read_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = SpillFolder::make(root.path(), 10).unwrap();
        let file = folder.write(b"12345").unwrap();
        assert_eq!((file.read().unwrap(), file.len(), folder.used_bytes()), (Bytes::from_static(b"12345"), 5, 5));
        let error = folder.write(b"123456").unwrap_err();
        assert!(error.kind == ErrorKind::OutOfDisk && error.message.contains("5 of 10 bytes"), "{error}");
        assert_eq!(files(&folder).len(), 1, "what was refused left no file");
        drop(file);
        assert_eq!((folder.used_bytes(), files(&folder).len()), (0, 0));
        drop(folder);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "the gate alone");
    }

    #[test]
    fn damage_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let folder = SpillFolder::make(root.path(), 100).unwrap();
        let changes: [fn(&Path); 4] = [
            |path| fs::write(path, b"12x45").unwrap(),
            |path| fs::write(path, b"1234").unwrap(),
            |path| fs::write(path, b"123456").unwrap(),
            |path| fs::remove_file(path).unwrap(),
        ];
        for change in changes {
            let file = folder.write(b"12345").unwrap();
            change(&files(&folder)[0]);
            assert!(file.read().is_err());
        }
    }

    #[test]
    fn the_folder_of_a_crashed_host_is_removed_and_that_of_another_is_not() {
        let root = tempfile::tempdir().unwrap();
        let lives = SpillFolder::make(root.path(), 100).unwrap();
        let left = root.path().join(format!("{NAME}1-0"));
        fs::create_dir(&left).unwrap();
        fs::write(left.join("0.object"), b"left").unwrap();
        fs::write(root.path().join("somebody's"), b"else").unwrap();
        let next = SpillFolder::make(root.path(), 100).unwrap();
        assert!(!left.exists() && lives.path.exists() && next.path.exists());
        assert!(root.path().join("somebody's").exists());
    }
}
