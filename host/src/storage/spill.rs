//! Where cold objects go: files in a folder of the host's own, checked when they are read back.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::state::object::place::{Place, Stored};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::DISK_RETRY;

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
    /// Until when so many bytes, or more, are not tried again, and why. What is freed ends that.
    refused: Mutex<Option<Refused>>,
    /// Files that nobody needs any more, for who [removes](Self::remove_gone) them.
    gone: Mutex<Vec<(PathBuf, u64)>>,
    /// Held while they are removed: whoever looks for room knows then what is free.
    removing: Mutex<()>,
    /// Tells who does; where there is nobody a file is removed by whoever drops it.
    broom: OnceLock<Broom>,
    /// Says that the owner lives. The system lets go of it with the process.
    owner: Mutex<File>,
    root: PathBuf,
    /// That folder, and those above it, where they were made for this: the innermost first.
    made: Vec<PathBuf>,
}

/// Called when a file is gone, on any thread; false where nobody comes any more.
struct Broom(Box<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Broom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Broom")
    }
}

/// The disk took no more.
#[derive(Debug)]
struct Refused {
    bytes: u64,
    until: Instant,
    why: TaskError,
}

impl SpillFolder {
    /// A new folder under `root`, for at most `limit` bytes. `root` is made if it is missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(root: &Path, limit: u64) -> io::Result<Arc<Self>> {
        let made = root.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists());
        let made = made.map(Path::to_owned).collect();
        fs::create_dir_all(root)?;
        let _gate = gate(root)?;
        remove_abandoned(root)?;
        let path = (0..).map(|number| root.join(format!("{NAME}{}-{number}", std::process::id())));
        let path = path.into_iter().find(|path| !path.exists()).unwrap_or_else(|| root.join(NAME));
        let owner = Mutex::new(own(&path)?);
        let (used, files, refused) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(None));
        let (gone, broom, root) = (Mutex::default(), OnceLock::new(), root.to_owned());
        Ok(Arc::new(SpillFolder {
            path,
            limit,
            used,
            files,
            refused,
            gone,
            removing: Mutex::new(()),
            broom,
            owner,
            root,
            made,
        }))
    }

    /// Has files removed by who is told by this: whoever drops the last handle to an object may be a thread that is not to wait for a
    /// disk.
    pub fn leave_to(&self, broom: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.broom.set(Broom(Box::new(broom)));
    }

    /// Removes the files that nobody needs any more.
    pub fn remove_gone(&self) {
        let _removing = self.removing.lock();
        let gone = std::mem::take(&mut *self.gone.lock());
        for (path, length) in gone {
            self.remove(&path, length);
        }
    }

    fn remove(&self, path: &Path, length: u64) {
        // Gone already where somebody else removed it, or where it was never made.
        let _ = fs::remove_file(path);
        self.used.fetch_sub(length, Ordering::Relaxed);
        let ended = self.refused.lock().take();
        drop(ended);
    }

    /// Somebody removed the folder: makes it again. What was in it is lost.
    fn make_again(&self) -> io::Result<()> {
        fs::create_dir_all(&self.root)?;
        let _gate = gate(&self.root)?;
        if !self.path.exists() {
            *self.owner.lock() = own(&self.path)?;
        }
        Ok(())
    }

    /// Bytes that are here.
    pub fn used_bytes(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Writes bytes to a file of their own.
    ///
    /// # Errors
    /// `OutOfDisk`: the folder is at its limit, or the disk takes no more.
    fn write(self: &Arc<Self>, bytes: &[u8]) -> Result<SpillFile, TaskError> {
        let length = bytes.len() as u64;
        self.remove_gone();
        self.check_refused(length)?;
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
        let create = || OpenOptions::new().create_new(true).write(true).mode(0o600).open(&file.path);
        let created = create().or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => self.make_again().and_then(|()| create()),
            _ => Err(error),
        });
        let written = created.and_then(|mut to| to.write_all(bytes));
        match written {
            Ok(()) => Ok(file),
            Err(error) => {
                // Before it is noted: this gives back what was counted, and that would end it.
                file.remove();
                let text = format!("the object store is full, and an object could not be written to disk: {error}");
                let why = TaskError::new(ErrorKind::OutOfDisk, text);
                let refused = Refused { bytes: length, until: Instant::now() + DISK_RETRY, why: why.clone() };
                *self.refused.lock() = Some(refused);
                Err(why)
            }
        }
    }

    /// A full disk is not written to again and again.
    fn check_refused(&self, bytes: u64) -> Result<(), TaskError> {
        let mut refused = self.refused.lock();
        match refused.take_if(|refused| refused.until > Instant::now() && bytes >= refused.bytes) {
            None => Ok(()),
            Some(still) => Err(refused.insert(still).why.clone()),
        }
    }
}

/// Held by whoever makes or removes a folder, so that nobody removes one that has no owner yet.
fn gate(root: &Path) -> io::Result<File> {
    let path = root.join(GATE);
    loop {
        let gate = open_gate(&path)?;
        gate.lock()?;
        // Who was the last meanwhile took it away: the next one makes another.
        let is_there = |there: fs::Metadata| {
            gate.metadata().is_ok_and(|mine| (mine.dev(), mine.ino()) == (there.dev(), there.ino()))
        };
        if fs::metadata(&path).is_ok_and(is_there) {
            return Ok(gate);
        }
    }
}

fn open_gate(path: &Path) -> io::Result<File> {
    let mine = OpenOptions::new().create(true).truncate(false).write(true).open(path);
    mine.or_else(|error| match error.kind() {
        // Another user's: to hold it is no more than to read it.
        io::ErrorKind::PermissionDenied => File::open(path),
        _ => Err(error),
    })
}

/// A new folder with its owner. What is in it are customers' data: nobody else reads it.
fn own(path: &Path) -> io::Result<File> {
    DirBuilder::new().mode(0o700).create(path)?;
    let owner = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path.join(OWNER))?;
    owner.lock()?;
    Ok(owner)
}

impl Drop for SpillFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!("a folder of spilled objects could not be removed: {error}");
        }
        if let Err(error) = self.leave_root() {
            tracing::warn!("what was made beside spilled objects could not be removed: {error}");
        }
    }
}

impl SpillFolder {
    /// The last host takes the gate with it, and the folders that it made, where nothing else is there.
    fn leave_root(&self) -> io::Result<()> {
        let gate_of_all = gate(&self.root)?;
        let is_ours = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| is_named_as_ours(&entry.path()));
        if !fs::read_dir(&self.root)?.any(is_ours) {
            fs::remove_file(self.root.join(GATE))?;
        }
        drop(gate_of_all);
        // One that is not empty is somebody's.
        let _ = self.made.iter().try_for_each(fs::remove_dir);
        Ok(())
    }
}

fn is_named_as_ours(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(NAME))
}

/// Removes the folders whose owners are gone.
fn remove_abandoned(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if !is_named_as_ours(&path) || !path.is_dir() {
            continue;
        }
        if is_abandoned(&path)
            && let Err(error) = fs::remove_dir_all(&path)
        {
            tracing::warn!("the folder '{}' of a host that is gone could not be removed: {error}", path.display());
        }
    }
    Ok(())
}

/// Is its owner gone? Where that can't be known it is not: it may be another user's, or somebody tidied in it.
fn is_abandoned(path: &Path) -> bool {
    match File::open(path.join(OWNER)) {
        Ok(owner) => !matches!(owner.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => !has_process(path),
        Err(_) => false,
    }
}

/// Is there a process of the number that the folder's name has?
fn has_process(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix(NAME)).and_then(|rest| rest.split('-').next());
    number.is_some_and(|number| Path::new("/proc").join(number).exists())
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
    /// Removes it on this thread.
    fn remove(mut self) {
        let path = std::mem::take(&mut self.path);
        self.folder.remove(&path, self.length);
    }
}

impl Place for Arc<SpillFolder> {
    fn store(&self, bytes: &[u8]) -> Result<Arc<dyn Stored>, TaskError> {
        Ok(Arc::new(self.write(bytes)?))
    }
}

impl Stored for SpillFile {
    fn byte_count(&self) -> u64 {
        self.length
    }

    fn exists(&self) -> bool {
        self.path.exists()
    }

    fn read(&self) -> Result<Bytes, String> {
        let bytes = fs::read(&self.path).map_err(|error| format!("its spill file cannot be read: {error}"))?;
        if bytes.len() as u64 != self.length || Sha256::digest(&bytes)[..] != self.digest {
            return Err("its spill file is damaged".to_owned());
        }
        Ok(bytes.into())
    }
}

impl Drop for SpillFile {
    fn drop(&mut self) {
        if self.path.as_os_str().is_empty() {
            return;
        }
        let Some(broom) = self.folder.broom.get() else {
            return self.folder.remove(&self.path, self.length);
        };
        self.folder.gone.lock().push((std::mem::take(&mut self.path), self.length));
        if !(broom.0)() {
            self.folder.remove_gone();
        }
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
        assert_eq!(
            (file.read().unwrap(), file.byte_count(), folder.used_bytes()),
            (Bytes::from_static(b"12345"), 5, 5)
        );
        let error = folder.write(b"123456").unwrap_err();
        assert!(error.kind == ErrorKind::OutOfDisk && error.message.contains("5 of 10 bytes"), "{error}");
        assert_eq!(files(&folder).len(), 1, "what was refused left no file");
        drop(file);
        assert_eq!((folder.used_bytes(), files(&folder).len()), (0, 0));
        drop(folder);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
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
        let no_process = root.path().join(format!("{NAME}4294967295-0"));
        for folder in [&left, &no_process] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("0.object"), b"left").unwrap();
        }
        fs::write(left.join(OWNER), b"").unwrap();
        // Somebody tidied up, and took the owner of one that lives.
        fs::remove_file(lives.path.join(OWNER)).unwrap();
        fs::write(root.path().join("somebody's"), b"else").unwrap();
        let next = SpillFolder::make(root.path(), 100).unwrap();
        assert!(!left.exists() && !no_process.exists() && lives.path.exists() && next.path.exists());
        assert!(root.path().join("somebody's").exists());
    }

    #[test]
    fn the_last_host_leaves_nothing_of_what_was_made_for_it() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("not/there");
        let hosts = [(); 2].map(|()| SpillFolder::make(&inner, 100).unwrap());
        let kept = hosts[0].write(b"kept").unwrap();
        let [one, other] = hosts;
        drop(other);
        assert!(inner.join(GATE).exists() && kept.exists());
        drop((kept, one));
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        // What is somebody's stays, and so does a folder that was there.
        drop(SpillFolder::make(root.path(), 100).unwrap());
        assert!(fs::read_dir(root.path()).unwrap().next().is_none());
        let host = SpillFolder::make(&inner, 100).unwrap();
        fs::write(inner.join("somebody's"), b"else").unwrap();
        drop(host);
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
    }

    #[test]
    fn hosts_that_come_and_go_at_once_find_their_folder() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("spilled");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        // Somebody may have taken the folder away between two steps: then it is said, and nothing is lost.
                        if let Ok(folder) = SpillFolder::make(&inner, 100) {
                            assert_eq!(folder.write(b"here").unwrap().read().unwrap(), Bytes::from_static(b"here"));
                        }
                    }
                });
            }
        });
        assert!(!inner.exists() || fs::read_dir(&inner).unwrap().next().is_none());
    }

    #[test]
    fn nobody_else_reads_what_is_spilled() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let folder = SpillFolder::make(root.path(), 100).unwrap();
        let _file = folder.write(b"secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder.path), mode(&files(&folder)[0])), (0o700, 0o600));
    }

    #[test]
    fn a_folder_that_was_removed_is_made_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = SpillFolder::make(root.path(), 100).unwrap();
        let lost = folder.write(b"lost").unwrap();
        fs::remove_dir_all(&folder.path).unwrap();
        let kept = folder.write(b"kept").unwrap();
        assert!(!lost.exists() && lost.read().is_err());
        assert_eq!(kept.read().unwrap(), Bytes::from_static(b"kept"));
        let other = SpillFolder::make(root.path(), 100).unwrap();
        assert!(kept.exists() && other.path.exists(), "it has an owner");
    }

    #[test]
    fn a_disk_that_took_no_more_is_left_alone_until_something_goes() {
        let root = tempfile::tempdir().unwrap();
        let folder = SpillFolder::make(root.path(), 100).unwrap();
        let file = folder.write(b"there").unwrap();
        let why = TaskError::new(ErrorKind::OutOfDisk, "no space left");
        let refused = || Some(Refused { bytes: 10, until: Instant::now() + DISK_RETRY * 1000, why: why.clone() });
        *folder.refused.lock() = refused();
        assert_eq!(folder.write(&[0; 10]).unwrap_err(), why);
        let small = folder.write(&[0; 9]).unwrap();
        assert_eq!(folder.write(&[0; 11]).unwrap_err(), why);
        drop((file, small));
        assert!(folder.write(&[0; 10]).is_ok());
        *folder.refused.lock() = Some(Refused { until: Instant::now(), ..refused().unwrap() });
        assert!(folder.write(&[0; 10]).is_ok(), "its time is over");
    }
}
