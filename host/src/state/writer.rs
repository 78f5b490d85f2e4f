//! Objects that are written piece by piece.

use std::sync::Arc;

use super::object::ObjectRef;
use super::payload::{Encoding, Payload, Value};
use super::store::{ObjectStore, Reservation};
use crate::words::account::Account;
use crate::words::error::{ErrorKind, TaskError, TaskResult};
use crate::words::limits::OBJECT_OVERHEAD_BYTES;

/// The smallest room that is made for bytes whose number was not said.
const ROOM_MIN: usize = 64 << 10;

/// Bytes that become an object when they are complete. What they may take is charged to the store all along.
#[derive(Debug)]
pub struct Writer {
    store: Arc<ObjectStore>,
    data: Vec<u8>,
    reservation: Reservation,
}

impl Writer {
    /// One with room for so many bytes, on this account.
    ///
    /// # Errors
    /// `ObjectStoreFull` or `OutOfDisk`.
    pub fn new(store: &Arc<ObjectStore>, account: &Arc<Account>, capacity: u64) -> TaskResult<Self> {
        let reservation = store.reserve(OBJECT_OVERHEAD_BYTES)?.on(account);
        let mut writer = Writer { store: store.clone(), data: Vec::new(), reservation };
        writer.make_room(usize::try_from(capacity).unwrap_or(usize::MAX))?;
        Ok(writer)
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// `ObjectStoreFull` or `OutOfDisk`; nothing is added then.
    pub fn append(&mut self, data: &[u8]) -> TaskResult<()> {
        let missing = (self.data.len() + data.len()).saturating_sub(self.data.capacity());
        if missing > 0 {
            // Twice as much each time, so that the whole is not copied for each piece; just enough where that does not fit.
            let ample = missing.max(self.data.capacity()).max(ROOM_MIN);
            self.make_room(ample).or_else(|_| self.make_room(missing))?;
        }
        self.data.extend_from_slice(data);
        Ok(())
    }

    /// The object. Room that was not used is given back.
    pub fn seal(mut self) -> ObjectRef {
        self.data.shrink_to_fit();
        let length = self.data.len() as u64;
        let unused = self.reservation.bytes().saturating_sub(length + OBJECT_OVERHEAD_BYTES);
        self.reservation.give_back(unused);
        let value = Value::new(Payload::new(Encoding::Raw, self.data), self.reservation);
        self.store.sealed(Ok(value))
    }

    fn make_room(&mut self, bytes: usize) -> TaskResult<()> {
        let before = self.data.capacity();
        let reservation = self.store.reserve(bytes as u64)?;
        let wanted = before.saturating_add(bytes) - self.data.len();
        self.data.try_reserve_exact(wanted).map_err(|error| {
            Arc::new(TaskError::new(ErrorKind::ObjectStoreFull, format!("no memory for {bytes} bytes more: {error}")))
        })?;
        self.reservation.join(reservation);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_the_object_and_is_charged_once() {
        let store = ObjectStore::new(1 << 20);
        let mut writer = Writer::new(&store, &Arc::default(), 0).unwrap();
        for part in [&b"one "[..], b"", b"two"] {
            writer.append(part).unwrap();
        }
        assert!(store.used_bytes() >= ROOM_MIN as u64);
        let object = writer.seal();
        assert_eq!(object.outcome().unwrap().unwrap().payload().data, "one two");
        assert_eq!(store.used_bytes(), 7 + OBJECT_OVERHEAD_BYTES);
        drop(object);
        assert_eq!((store.used_bytes(), store.live_objects()), (0, 0));
    }

    #[test]
    fn a_writer_has_the_stores_bound_and_gives_its_bytes_back() {
        let store = ObjectStore::new(200_000);
        let mut writer = Writer::new(&store, &Arc::default(), 100_000).unwrap();
        let piece = [7; 10_000];
        let written = (0..).take_while(|_| writer.append(&piece).is_ok()).count();
        assert_eq!(written, 19, "and 10,000 for what an object takes beside its bytes");
        assert_eq!(writer.append(&piece).unwrap_err().kind, ErrorKind::ObjectStoreFull);
        writer.append(&piece[..100]).unwrap();
        drop(writer);
        assert_eq!(store.used_bytes(), 0);
        assert_eq!(Writer::new(&store, &Arc::default(), u64::MAX).unwrap_err().kind, ErrorKind::ObjectStoreFull);
    }
}
