//! The folder of compiled modules: their native code as this host compiled it, to be mapped by the next one.
//!
//! Loading native code is running it, so that nothing is loaded whose checksum is wrong, and the folder has to be its user's alone. It may
//! have been another's before: so the files have to be this user's too, and a note says for which module it is.
//! A module's files are named after its bytes and after what compiled them: `KEY.code` is mapped as it is, `KEY.json` tells what it is
//! and its checksum, and is written last. Both come by renaming, so that a file is whole or not there, whoever else writes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use twox_hash::XxHash3_128;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::types::error::shorten;
use crate::types::limits::{CACHE_BYTES, ERROR_TEXT_MAX};

/// A file that nobody finished in this time has nobody who will.
const UNFINISHED: Duration = Duration::from_secs(3600);

/// Read at once for a checksum.
const CHUNK: usize = 1 << 18;

/// A folder of compiled modules, as [`HostBuilder::cache_dir`](crate::HostBuilder::cache_dir) takes one.
#[derive(Clone, Debug)]
pub struct ModuleCache {
    folder: PathBuf,
    limit: u64,
}

/// A compiled module in the folder.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CachedModule {
    /// What it was called when it was compiled.
    pub module: String,
    /// Bytes of its native code.
    pub bytes: u64,
    /// When a host loaded it last.
    #[serde(skip)]
    pub used: SystemTime,
    /// The file.
    pub file: PathBuf,
}

/// What stands beside the code.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The files' name: a note that got another one is of another module.
    key: String,
    module: String,
    bytes: u64,
    checksum: String,
}

impl ModuleCache {
    /// The folder, which is made if it is missing, for its user alone.
    ///
    /// # Errors
    /// It cannot be made or written to, belongs to another user, or others can write to it: who can do that can run code in the hosts
    /// that use it.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        check_owner(&folder)?;
        Ok(ModuleCache { folder, limit: CACHE_BYTES })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is in it, the last used first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn modules(&self) -> io::Result<Vec<CachedModule>> {
        let mut modules: Vec<_> = self.files()?.iter().filter_map(|path| self.described(path)).collect();
        modules.sort_unstable_by_key(|module| std::cmp::Reverse(module.used));
        Ok(modules)
    }

    /// Removes all of it; hosts that run keep what they have mapped. Gives the modules that were there.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn clear(&self) -> io::Result<Vec<CachedModule>> {
        let modules = self.modules()?;
        self.files()?.iter().filter(|path| is_ours(path)).try_for_each(|path| removed(path))?;
        Ok(modules)
    }

    /// The module of these bytes if it was compiled before, and where its code is.
    pub(super) fn found(&self, engine: &Engine, bytes: &[u8]) -> Option<(Component, PathBuf)> {
        let key = key(engine, bytes);
        Some((self.find(engine, &key)?, self.code(&key)))
    }

    /// Keeps what these bytes were compiled to. Gives where that is.
    ///
    /// # Errors
    /// It can't be written, or is more than all together may take.
    pub(super) fn keep_compiled(
        &self,
        module: &str,
        bytes: &[u8],
        engine: &Engine,
        code: &[u8],
    ) -> io::Result<PathBuf> {
        let key = key(engine, bytes);
        self.keep(&key, module, code)?;
        Ok(self.code(&key))
    }

    /// Were these bytes compiled before, for an engine like this one?
    pub(super) fn has(&self, engine: &Engine, bytes: &[u8]) -> bool {
        self.noted(&key(engine, bytes)).is_some()
    }

    /// What is there whole is mapped. What is not, or cannot be, is compiled anew.
    fn find(&self, engine: &Engine, key: &str) -> Option<Component> {
        let code = self.code(key);
        let expected = self.noted(key)?;
        let file = open_own(&code).ok()?;
        if checksum(&file).ok()? != (expected.bytes, expected.checksum) {
            return None;
        }
        // Who is told apart by it has not been used for longest.
        let _ = file.set_modified(SystemTime::now());
        #[expect(unsafe_code, reason = "native code is what a host of this user compiled, and what its checksum says")]
        // SAFETY: The file is what the compiler gave to a host of this user for this module, bit by bit: it is this user's, nobody else can
        // write to it or to its folder, and no host writes to a file that is there. The engine checks that it was compiled by the same version and settings.
        let found = unsafe { Component::deserialize_file(engine, &code) };
        found.ok()
    }

    fn keep(&self, key: &str, module: &str, code: &[u8]) -> io::Result<()> {
        let bytes = code.len() as u64;
        // One that is as large as all the others would have them compiled anew.
        let most = self.limit / 2;
        if bytes > most {
            return Err(io::Error::other(format!("it takes {bytes} bytes, and one module may take {most}")));
        }
        let (key_of_note, module) = (key.to_owned(), shorten(module.to_owned(), ERROR_TEXT_MAX));
        let note = Note { key: key_of_note, module, bytes, checksum: hex(XxHash3_128::oneshot(code)) };
        self.write(&self.code(key), code)?;
        self.write(&self.note(key), &serde_json::to_vec(&note).map_err(io::Error::other)?)?;
        self.make_room();
        Ok(())
    }

    /// Writes a file whole, or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let (unfinished, mut file) = unfinished(&self.folder)?;
        let written = file.write_all(bytes).and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Removes what was not used for longest until the rest is within the limit, and what nobody finishes.
    fn make_room(&self) {
        let (Ok(modules), Ok(files)) = (self.modules(), self.files()) else { return };
        let known: Vec<&Path> = modules.iter().map(|module| &*module.file).collect();
        let forlorn =
            files.iter().filter(|path| is_ours(path) && is_old(path) && !known.contains(&&*path.with_extension(CODE)));
        for path in forlorn {
            let _ = removed(path);
        }
        let mut sum = 0u64;
        for module in &modules {
            sum = sum.saturating_add(module.bytes);
            if sum > self.limit {
                // First what says that it is there.
                let _ = removed(&module.file.with_extension(NOTE));
                let _ = removed(&module.file);
            }
        }
    }

    /// The module whose note this is.
    fn described(&self, path: &Path) -> Option<CachedModule> {
        if path.extension()? != NOTE {
            return None;
        }
        let note = self.noted(path.file_stem()?.to_str()?)?;
        let file = path.with_extension(CODE);
        let found = file.metadata().ok()?;
        Some(CachedModule { module: note.module, bytes: found.len(), used: found.modified().ok()?, file })
    }

    /// What stands beside the code of this key.
    fn noted(&self, key: &str) -> Option<Note> {
        let mut text = Vec::new();
        open_own(&self.note(key)).ok()?.take(NOTE_BYTES_MAX).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok().filter(|note: &Note| note.key == key)
    }

    /// All that is no folder: whatever it is, it can be removed.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| !kind.is_dir());
        let entries = fs::read_dir(&self.folder)?.filter(|entry| entry.as_ref().map_or(true, is_file));
        entries.map(|entry| Ok(entry?.path())).collect()
    }

    fn code(&self, key: &str) -> PathBuf {
        self.folder.join(key).with_extension(CODE)
    }

    fn note(&self, key: &str) -> PathBuf {
        self.folder.join(key).with_extension(NOTE)
    }
}

const CODE: &str = "code";
const NOTE: &str = "json";
const UNFINISHED_EXTENSION: &str = "unfinished";

/// Bytes of a note at most: the longest name of a module, and what else it says.
const NOTE_BYTES_MAX: u64 = 64 << 10;

/// A file that nobody else writes to, whatever process of whatever container that may be.
fn unfinished(folder: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        // The keys of its hasher are random, which is all the chance that is needed here.
        let chance = RandomState::new().hash_one(0);
        let path = folder.join(format!("{}-{chance}.{UNFINISHED_EXTENSION}", std::process::id()));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return Ok((path, opened?)),
        }
    }
}

/// A file of this user that nobody else can write to. Nothing else is waited for, as a pipe would be.
fn open_own(path: &Path) -> io::Result<File> {
    let without_waiting = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(without_waiting).open(path)?;
    let found = file.metadata()?;
    match found.is_file() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0 {
        true => Ok(file),
        false => Err(io::Error::other("it is no file of this user's alone")),
    }
}

/// What the module is, and who compiles it how.
fn key(engine: &Engine, bytes: &[u8]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut hasher = Sha256::new_with_prefix(settings.finish().to_le_bytes());
    hasher.update(bytes);
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The length of a file, and the checksum over all of it.
fn checksum(mut file: &File) -> io::Result<(u64, String)> {
    let (mut hasher, mut chunk, mut length) = (XxHash3_128::new(), vec![0; CHUNK], 0);
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok((length, hex(hasher.finish_128()))),
            read => {
                hasher.write(&chunk[..read]);
                length += read as u64;
            }
        }
    }
}

fn hex(checksum: u128) -> String {
    format!("{checksum:032x}")
}

/// Is it named like what a cache writes?
fn is_ours(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(CODE | NOTE) => stem.len() == 64 && stem.bytes().all(|byte| byte.is_ascii_hexdigit()),
        Some(UNFINISHED_EXTENSION) => stem.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'),
        _ => false,
    }
}

fn is_old(path: &Path) -> bool {
    let age = path.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age > UNFINISHED)
}

/// Somebody else may have removed it.
fn removed(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn check_owner(folder: &Path) -> io::Result<()> {
    let found = folder.metadata()?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user"));
    }
    if found.mode() & 0o022 != 0 {
        return Err(io::Error::other(format!(
            "others can write to it: take that from them with `chmod 700 {}`",
            folder.display()
        )));
    }
    removed(&unfinished(folder)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn cache(limit: u64) -> (tempfile::TempDir, ModuleCache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = ModuleCache { limit, ..ModuleCache::open(folder.path()).unwrap() };
        (folder, cache)
    }

    fn key_of(number: u8) -> String {
        format!("{number:064x}")
    }

    fn names(cache: &ModuleCache) -> Vec<String> {
        let mut names: Vec<_> = cache.modules().unwrap().into_iter().map(|module| module.module).collect();
        names.sort_unstable();
        names
    }

    /// As if it had been used so many hours ago.
    fn used(cache: &ModuleCache, number: u8, hours: u64) {
        let file = File::open(cache.code(&key_of(number))).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600 * hours)).unwrap();
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let (_folder, cache) = cache(100);
        for (number, hours) in [(1, 3), (2, 1), (3, 2)] {
            cache.keep(&key_of(number), &number.to_string(), &[7; 30]).unwrap();
            used(&cache, number, hours);
        }
        cache.keep(&key_of(4), "4", &[7; 30]).unwrap();
        assert_eq!(names(&cache), ["2", "3", "4"]);
        let refused = cache.keep(&key_of(5), "5", &[7; 101]).unwrap_err().to_string();
        assert_eq!(refused, "it takes 101 bytes, and one module may take 50");
        assert_eq!(cache.files().unwrap().len(), 6);
        assert_eq!(cache.clear().unwrap().len(), 3);
        assert!(cache.files().unwrap().is_empty());
    }

    #[test]
    fn what_nobody_finished_goes_and_what_is_somebody_elses_stays() {
        let (folder, cache) = cache(100);
        let [old, new, note, other] =
            ["1-1.unfinished", "2-1.unfinished", "x.json", "notes.txt"].map(|name| folder.path().join(name));
        let forlorn = cache.code(&key_of(9));
        for path in [&old, &new, &note, &other, &forlorn] {
            fs::write(path, "something").unwrap();
        }
        for path in [&old, &note, &other, &forlorn] {
            File::open(path).unwrap().set_modified(SystemTime::now() - 2 * UNFINISHED).unwrap();
        }
        cache.keep(&key_of(1), "1", &[7; 30]).unwrap();
        assert!(!old.exists() && !forlorn.exists() && new.exists() && note.exists() && other.exists());
        cache.clear().unwrap();
        assert!(!new.exists() && note.exists() && other.exists());
    }

    #[test]
    fn what_others_left_is_not_used_and_nothing_is_waited_for() {
        let (_folder, cache) = cache(1000);
        for number in [1, 2] {
            cache.keep(&key_of(number), &number.to_string(), &[number; 30]).unwrap();
        }
        let [(code, note), (other, others_note), (pipe, pipes_note)] =
            [1, 2, 3].map(|number| (cache.code(&key_of(number)), cache.note(&key_of(number))));
        assert!(cache.noted(&key_of(1)).is_some() && open_own(&code).is_ok());
        // Another module's, under this one's name.
        fs::copy(&others_note, &note).unwrap();
        assert!(cache.noted(&key_of(1)).is_none());
        for writable in [&other, &others_note] {
            fs::set_permissions(writable, fs::Permissions::from_mode(0o620)).unwrap();
            assert!(open_own(writable).is_err());
        }
        std::os::unix::fs::symlink(&code, &pipe).unwrap();
        assert!(open_own(&pipe).is_err());
        fs::remove_file(&pipe).unwrap();
        for pipe in [&pipe, &pipes_note] {
            let made = std::process::Command::new("mkfifo").arg(pipe).status().unwrap();
            assert!(made.success() && open_own(pipe).is_err());
        }
        fs::create_dir(cache.code(&key_of(4))).unwrap();
        assert!(cache.modules().unwrap().is_empty());
        cache.clear().unwrap();
        assert_eq!(fs::read_dir(cache.folder()).unwrap().count(), 1, "the folder, which is nobody's file");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused() {
        let (folder, _) = cache(100);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(ModuleCache::open(folder.path()).unwrap_err().to_string().contains("chmod 700"));
        let made = folder.path().join("a/b");
        ModuleCache::open(&made).unwrap();
        assert_eq!(made.metadata().unwrap().mode() & 0o777, 0o700);
    }
}
