//! One file of a journal: a head, then record after record.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::JournalError;
use super::record::{Entry, HEAD_BYTES, Head, Key, Kind, MARKER, Owner, SEAL_BYTES, Salt};

/// Says what the file is.
const MAGIC: [u8; 8] = *b"rryjrnl\n";
/// The format of records and of what memos are found by. Records of the first one name no owner, and are read.
const VERSION: u32 = 2;
/// Magic, version, salt, and a checksum over them.
pub const FILE_HEAD_BYTES: usize = 32;
/// What is read at once while records are looked for.
const WINDOW_BYTES: usize = 64 << 10;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The segment's number.
    pub segment: u64,
    /// Bytes before it.
    pub at: u64,
    /// Bytes from its head to its seal.
    pub length: u64,
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub owner: Owner,
    /// How often it was written before.
    pub carried: u16,
}

impl Place {
    /// Bytes of what the record keeps.
    pub fn payload_bytes(&self) -> u64 {
        self.length.saturating_sub((HEAD_BYTES + SEAL_BYTES) as u64)
    }

    /// Of two of one kind the one that was kept first has the lower one, wherever it is written now.
    pub fn age(&self) -> (u64, u64) {
        (self.segment.saturating_sub(u64::from(self.carried)), self.at)
    }
}

/// What was found in a file.
#[derive(Default)]
pub struct Found {
    /// The records whose heads are whole. The values are checked when they are read.
    pub records: Vec<(Key, Place)>,
    /// Stretches of damaged bytes that were passed over.
    pub damaged: u64,
    /// Bytes up to the end of the last record.
    pub length: u64,
}

/// A file of records. Whoever reads it may go on with that when it was deleted.
pub struct Segment {
    /// Its number: a higher one is newer.
    pub number: u64,
    path: PathBuf,
    file: File,
    salt: Salt,
}

impl Segment {
    /// Makes the next file. It outlives a power failure when its folder is synced.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(dir: &Path, number: u64) -> io::Result<Self> {
        let path = path(dir, number);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let salt = random_salt();
        file.write_all_at(&file_head(&salt), 0)?;
        Ok(Segment { number, path, file, salt })
    }

    /// Opens a file and finds its records. `None` if its head is damaged, so that nothing in it can be checked.
    ///
    /// # Errors
    /// It cannot be read, or is of another version.
    pub fn open(dir: &Path, number: u64) -> Result<Option<(Arc<Self>, Found)>, JournalError> {
        let path = path(dir, number);
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let mut head = [0; FILE_HEAD_BYTES];
        match file.read_exact_at(&mut head, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let salt = Salt(head[12..28].try_into().unwrap_or_default());
        let version = u32::from_le_bytes(head[8..12].try_into().unwrap_or_default());
        if head[28..] != check(&head[..28])[..4] || !head.starts_with(&MAGIC) {
            return Ok(None);
        }
        if version == 0 || version > VERSION {
            return Err(JournalError::OtherVersion(version));
        }
        let length = file.metadata()?.len();
        let segment = Segment { number, path, file, salt };
        let found = segment.find_records(length)?;
        Ok(Some((Arc::new(segment), found)))
    }

    /// Reads the heads from the first to the last. After damage the next one is looked for byte by byte.
    fn find_records(&self, length: u64) -> io::Result<Found> {
        let mut window = Window { file: &self.file, start: 0, bytes: Vec::new() };
        let mut found = Found::default();
        let (mut at, mut whole) = (FILE_HEAD_BYTES as u64, FILE_HEAD_BYTES as u64);
        while at < length {
            let bytes = window.at(at)?;
            let head = Head::read(bytes, &self.salt).filter(|head| head.stored_bytes() <= length - at);
            let Some(head) = head else {
                at += next_marker(bytes);
                continue;
            };
            if whole < at {
                found.damaged += 1;
            }
            found.records.push((head.key, self.place(&head, at)));
            at += head.stored_bytes();
            whole = at;
        }
        if whole < length {
            found.damaged += 1;
        }
        found.length = whole;
        Ok(found)
    }

    /// Cuts off what is behind so many bytes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn cut(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    /// The random bytes of its checksums.
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// Reads what stands there.
    ///
    /// # Errors
    /// The disk's own, or there is not so much.
    pub fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }

    /// Writes records, encoded by [`encode`](Self::encode), behind what is there, which is so many bytes.
    ///
    /// # Errors
    /// Nothing of them is kept then.
    pub fn append(&self, bytes: &[u8], length: u64) -> io::Result<()> {
        let written = self.file.write_all_at(bytes, length);
        if written.is_err() {
            // A full disk may have taken half a record.
            drop(self.file.set_len(length));
        }
        written
    }

    /// Writes a record as this file has it, and tells where it is if what is written there begins at `at`.
    pub fn encode(&self, entry: &Entry, carried: u16, at: u64, out: &mut Vec<u8>) -> Place {
        let at = at + out.len() as u64;
        entry.write(carried, &self.salt, out);
        let Entry { kind, owner, .. } = *entry;
        Place { segment: self.number, at, length: entry.stored_bytes(), kind, owner, carried }
    }

    fn place(&self, head: &Head, at: u64) -> Place {
        let Head { kind, owner, carried, .. } = *head;
        Place { segment: self.number, at, length: head.stored_bytes(), kind, owner, carried }
    }

    /// Has the disk keep what was written.
    ///
    /// # Errors
    /// The disk's own.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Deletes the file.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// The file of this number.
pub fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("segment-{number:08}"))
}

/// The number of a segment's file; `None` if it is something else.
pub fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("segment-")?.parse().ok()
}

fn file_head(salt: &Salt) -> [u8; FILE_HEAD_BYTES] {
    let mut head = [0; FILE_HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    head[12..28].copy_from_slice(&salt.0);
    let check = check(&head[..28]);
    head[28..].copy_from_slice(&check[..4]);
    head
}

fn check(head: &[u8]) -> [u8; 32] {
    Salt([0; 16]).hash(&[head])
}

/// From the keys that the standard library takes from the system for its hash maps.
fn random_salt() -> Salt {
    let word = || RandomState::new().hash_one(0u8).to_le_bytes();
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&word());
    salt[8..].copy_from_slice(&word());
    Salt(salt)
}

/// Bytes to the next place where a record may begin, at least one.
fn next_marker(bytes: &[u8]) -> u64 {
    let next = bytes[1..].windows(MARKER.len()).position(|window| window == MARKER);
    let missed = (bytes.len() - 1).saturating_sub(MARKER.len() - 1);
    next.unwrap_or(missed) as u64 + 1
}

/// The part of a file that was read last.
struct Window<'a> {
    file: &'a File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// The bytes from here on: as many as a head has at least, where the file has them; never none before its end.
    fn at(&mut self, at: u64) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        if at < self.start || at + HEAD_BYTES as u64 > end {
            self.bytes.resize(WINDOW_BYTES, 0);
            let read = read_up_to(self.file, &mut self.bytes, at)?;
            self.bytes.truncate(read);
            self.start = at;
        }
        let bytes = &self.bytes[(at - self.start) as usize..];
        if bytes.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }
}

fn read_up_to(file: &File, bytes: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
