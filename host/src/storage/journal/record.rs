//! One record: what kind it is, its key and a payload, with checksums over all of it.
//!
//! The checksums are salted with random bytes of the segment: a guest can make the host write any bytes as a value, and
//! after damage the next record is looked for in whatever follows. What a guest wrote must not pass for one.

use sha2::{Digest, Sha256};

use crate::state::object::payload::{Encoding, Payload};
use crate::types::limits::CHECKPOINT_BYTES_MAX;

/// Bytes before the value.
pub const HEAD_BYTES: usize = 64;
/// Bytes after it.
pub const SEAL_BYTES: usize = 32;
/// Where a record begins.
pub const MARKER: [u8; 4] = *b"rec\x1e";

const KIND: usize = 4;
const ENCODING: usize = 5;
const CARRIED: usize = 6;
const LENGTH: usize = 8;
const OWNER: usize = 12;
const KEY: usize = 16;
const CHECK: usize = 48;

/// What a record is found by: a hash of what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub [u8; 32]);

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The result of a pure task. Without it the task runs once more.
    Memo,
    /// An actor's state. Only the newest counts, and it is not dropped for its age.
    Checkpoint,
}

/// Whose a record is, also for later processes: of a name. Who has the same one by chance shares its part of the journal, and nothing
/// else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner(pub u32);

impl Owner {
    /// The owner of this name.
    pub fn named(name: &str) -> Self {
        let hash: [u8; 32] = Sha256::new_with_prefix("owner").chain_update(name).finalize().into();
        Owner(u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]))
    }
}

/// A record on its way into the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// What it is found by.
    pub key: Key,
    /// Whose it is.
    pub owner: Owner,
    /// What is kept; without references, which mean nothing to another process.
    pub payload: Payload,
}

impl Entry {
    /// What it takes in a segment.
    pub fn stored_bytes(&self) -> u64 {
        (HEAD_BYTES + self.payload.data.len() + SEAL_BYTES) as u64
    }

    /// Writes it behind what is there, as one that was written to so many files before.
    pub fn write(&self, carried: u16, salt: &Salt, out: &mut Vec<u8>) {
        let length = self.payload.data.len() as u64;
        let head = Head { kind: self.kind, key: self.key, owner: self.owner, carried, length };
        let head = head.bytes(self.payload.encoding, salt);
        out.extend_from_slice(&head);
        out.extend_from_slice(&self.payload.data);
        out.extend_from_slice(&salt.hash(&[&head, &self.payload.data]));
    }
}

/// The random bytes of one segment.
#[derive(Clone, Copy, Debug)]
pub struct Salt(pub [u8; 16]);

impl Salt {
    /// Of the bytes, and this salt.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = self.hasher();
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finalize().into()
    }

    /// The same for bytes that come one after the other.
    pub fn hasher(&self) -> Sha256 {
        Sha256::new_with_prefix(self.0)
    }
}

/// What stands before a record's value.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// What the record is.
    pub kind: Kind,
    /// What it is found by.
    pub key: Key,
    /// Whose it is; of none in files of the first version.
    pub owner: Owner,
    /// How often it was written before, each time to the file before.
    pub carried: u16,
    /// Bytes of its value.
    pub length: u64,
}

impl Head {
    /// Reads one, unless these bytes are none.
    pub fn read(bytes: &[u8], salt: &Salt) -> Option<Self> {
        let bytes: &[u8; HEAD_BYTES] = bytes.get(..HEAD_BYTES)?.try_into().ok()?;
        if !bytes.starts_with(&MARKER) || salt.hash(&[&bytes[..CHECK]])[..HEAD_BYTES - CHECK] != bytes[CHECK..] {
            return None;
        }
        let kind = match bytes[KIND] {
            1 => Kind::Memo,
            2 => Kind::Checkpoint,
            _ => return None,
        };
        let carried = u16::from_le_bytes(bytes[CARRIED..LENGTH].try_into().ok()?);
        let length = u64::from(u32::from_le_bytes(bytes[LENGTH..OWNER].try_into().ok()?));
        let owner = Owner(u32::from_le_bytes(bytes[OWNER..KEY].try_into().ok()?));
        let key = Key(bytes[KEY..CHECK].try_into().ok()?);
        (length <= CHECKPOINT_BYTES_MAX).then_some(Head { kind, key, owner, carried, length })
    }

    fn bytes(&self, encoding: Encoding, salt: &Salt) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..KIND].copy_from_slice(&MARKER);
        bytes[KIND] = match self.kind {
            Kind::Memo => 1,
            Kind::Checkpoint => 2,
        };
        bytes[ENCODING] = encoding.tag();
        bytes[CARRIED..LENGTH].copy_from_slice(&self.carried.to_le_bytes());
        bytes[LENGTH..OWNER].copy_from_slice(&(self.length as u32).to_le_bytes());
        bytes[OWNER..KEY].copy_from_slice(&self.owner.0.to_le_bytes());
        bytes[KEY..CHECK].copy_from_slice(&self.key.0);
        let check = salt.hash(&[&bytes[..CHECK]]);
        bytes[CHECK..].copy_from_slice(&check[..HEAD_BYTES - CHECK]);
        bytes
    }

    /// What the record takes in a segment.
    pub fn stored_bytes(&self) -> u64 {
        self.length + (HEAD_BYTES + SEAL_BYTES) as u64
    }
}

/// The entry that these bytes are, from head to seal, unless they were damaged.
#[cfg(test)]
pub fn read(bytes: Vec<u8>, salt: &Salt) -> Option<Entry> {
    let sealed = salt.hash(&[&bytes[..bytes.len().saturating_sub(SEAL_BYTES)]]);
    read_sealed(bytes, salt, sealed)
}

/// The same, where the hash over all but the seal is known.
pub fn read_sealed(bytes: Vec<u8>, salt: &Salt, hash: [u8; 32]) -> Option<Entry> {
    let head = Head::read(&bytes, salt)?;
    let end = HEAD_BYTES + usize::try_from(head.length).ok()?;
    let whole = bytes.len() == end + SEAL_BYTES && hash == bytes[end..];
    let encoding = Encoding::of_tag(bytes[ENCODING]).filter(|_| whole)?;
    let data = bytes::Bytes::from(bytes).slice(HEAD_BYTES..end);
    Some(Entry { kind: head.kind, key: head.key, owner: head.owner, payload: Payload::new(encoding, data) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = Salt([7; 16]);

    fn entry() -> Entry {
        let payload = Payload::new(Encoding::Json, "[1,2]");
        Entry { kind: Kind::Memo, key: Key([3; 32]), owner: Owner(5), payload }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let mut bytes = Vec::new();
        entry().write(2, &SALT, &mut bytes);
        assert_eq!(bytes.len() as u64, entry().stored_bytes());
        let head = Head::read(&bytes, &SALT).unwrap();
        assert_eq!((head.owner, head.carried, head.length), (Owner(5), 2, 5));
        let back = read(bytes, &SALT).unwrap();
        assert_eq!((back.kind, back.key, back.owner), (Kind::Memo, Key([3; 32]), Owner(5)));
        assert_eq!((back.payload.encoding, &back.payload.data[..]), (Encoding::Json, &b"[1,2]"[..]));
    }

    #[test]
    fn a_record_with_any_bit_flipped_or_byte_missing_is_none() {
        let mut bytes = Vec::new();
        entry().write(0, &SALT, &mut bytes);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(flipped, &SALT).is_none(), "bit {bit}");
        }
        for end in 0..bytes.len() {
            assert!(read(bytes[..end].to_vec(), &SALT).is_none(), "{end} bytes");
        }
    }

    #[test]
    fn what_a_guest_writes_without_the_salt_is_no_record() {
        let mut bytes = Vec::new();
        entry().write(0, &Salt([0; 16]), &mut bytes);
        assert!(read(bytes, &SALT).is_none());
    }
}
