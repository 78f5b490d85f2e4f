//! Objects that are written piece by piece.

use std::sync::Arc;

use super::ObjectRef;
use super::payload::{Encoding, Payload, Value};
use super::store::{ObjectStore, Reservation};
use crate::types::account::Account;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::limits::OBJECT_OVERHEAD_BYTES;

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
    /// Bytes of room that a writer for so many bytes needs.
    pub fn needed_bytes(capacity: u64) -> u64 {
        capacity.saturating_add(OBJECT_OVERHEAD_BYTES)
    }

    /// One with this room, on this account.
    ///
    /// # Errors
    /// `ObjectStoreFull`: the machine has no memory for it.
    pub fn new(store: &Arc<ObjectStore>, account: &Arc<Account>, mut room: Reservation) -> TaskResult<Self> {
        let reservation = room.split(OBJECT_OVERHEAD_BYTES).on(account);
        let mut writer = Writer { store: store.clone(), data: Vec::new(), reservation };
        writer.take_room(room)?;
        Ok(writer)
    }

    /// Bytes of room that it lacks to take so many more in; `None` where it has them. The first amount would be good for others that
    /// follow, so that the whole is not copied for each piece; the second is just enough.
    pub fn lacks(&self, bytes: usize) -> Option<[u64; 2]> {
        let missing = (self.data.len() + bytes).saturating_sub(self.data.capacity());
        let ample = missing.max(self.data.capacity()).max(ROOM_MIN);
        (missing > 0).then_some([ample as u64, missing as u64])
    }

    /// Has so much more room.
    ///
    /// # Errors
    /// `ObjectStoreFull`: the machine has no memory for it.
    pub fn take_room(&mut self, room: Reservation) -> TaskResult<()> {
        let bytes = usize::try_from(room.bytes()).unwrap_or(usize::MAX);
        let wanted = self.data.capacity().saturating_add(bytes) - self.data.len();
        self.data.try_reserve_exact(wanted).map_err(|error| {
            Arc::new(TaskError::new(ErrorKind::ObjectStoreFull, format!("no memory for {bytes} bytes more: {error}")))
        })?;
        self.reservation.join(room);
        Ok(())
    }

    /// Adds bytes at the end, for which it has room.
    pub fn append(&mut self, data: &[u8]) {
        self.data.extend_from_slice(data);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a guest does it.
    fn append(writer: &mut Writer, data: &[u8]) -> TaskResult<()> {
        if let Some([ample, missing]) = writer.lacks(data.len()) {
            let room = writer.store.reserve_at_once(ample).or_else(|_| writer.store.reserve_at_once(missing))?;
            writer.take_room(room)?;
        }
        writer.append(data);
        Ok(())
    }

    fn writer(store: &Arc<ObjectStore>, capacity: u64) -> TaskResult<Writer> {
        Writer::new(store, &Arc::default(), store.reserve_at_once(Writer::needed_bytes(capacity))?)
    }

    #[test]
    fn what_is_appended_is_the_object_and_is_charged_once() {
        let store = ObjectStore::new(1 << 20);
        let mut writer = writer(&store, 0).unwrap();
        for part in [&b"one "[..], b"", b"two"] {
            append(&mut writer, part).unwrap();
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
        let mut writing = writer(&store, 100_000).unwrap();
        let piece = [7; 10_000];
        let written = (0..).take_while(|_| append(&mut writing, &piece).is_ok()).count();
        assert_eq!(written, 19, "and 10,000 for what an object takes beside its bytes");
        assert_eq!(append(&mut writing, &piece).unwrap_err().kind, ErrorKind::ObjectStoreFull);
        append(&mut writing, &piece[..100]).unwrap();
        drop(writing);
        assert_eq!(store.used_bytes(), 0);
        assert_eq!(writer(&store, u64::MAX).unwrap_err().kind, ErrorKind::ObjectStoreFull);
    }
}
