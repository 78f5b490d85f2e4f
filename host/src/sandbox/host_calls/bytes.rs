//! `rustyray:core/bytes`, linked by hand: generated code would take a list of bytes as a `Vec` of its own making, and large
//! ones are better copied to memory that is made for them.

use std::future;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use memmap2::MmapMut;
use parking_lot::Mutex;
use wasmtime::StoreContextMut;
use wasmtime::component::{HasData, Linker, Resource, ResourceType, WasmList};

use super::super::guest::Guest;
use super::super::handles::Handle;
use super::super::trap::broken_contract;
use super::super::wire;
use super::handed::{Made, handed};
use crate::port::Begun;
use crate::state::object::payload::{Encoding, Payload, Value};
use crate::state::object::store::Reservation;
use crate::state::object::writer;
use crate::state::object::{ObjectRef, Outcome};
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::event::EventKind;
use crate::types::limits::{HANDLE_BYTES, OBJECT_OVERHEAD_BYTES};

/// From this size on a copy gets memory of its own, in huge pages where the kernel has them: memory that comes fresh from
/// the kernel in small pages takes longer to fault in than to fill. It is the size of one such page.
const HUGE_FROM: usize = 2 << 20;

/// What a suspended call gives. It holds what it needs, and not the guest.
pub type Reading<T> = BoxFuture<'static, Result<T, wire::TaskError>>;

/// The functions of the interface.
pub trait Host {
    /// Room for an object of so many bytes.
    fn put_room(&mut self, bytes: u64) -> wasmtime::Result<Begun<TaskResult<Reservation>>>;
    fn put(&mut self, data: Bytes, room: Reservation) -> wasmtime::Result<Resource<ObjectRef>>;
    fn read(&mut self, object: Resource<ObjectRef>, offset: u64, length: u64) -> wasmtime::Result<Reading<Bytes>>;
    fn size(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<Reading<u64>>;
    /// Room for a writer of so many bytes.
    fn create_room(&mut self, capacity: u64) -> wasmtime::Result<Begun<TaskResult<Reservation>>>;
    fn create(&mut self, room: Reservation) -> wasmtime::Result<TaskResult<Resource<Writer>>>;
    fn writer(&mut self, writer: &Resource<Writer>) -> wasmtime::Result<Appending>;
    /// Room for so many bytes more; `None` where the writer has it.
    fn append_room(&mut self, writer: &Appending, bytes: usize) -> Option<Begun<TaskResult<Reservation>>>;
    /// Parks the guest until there is room, of which it holds nothing yet.
    fn wait_for_room(&mut self, room: Begun<TaskResult<Reservation>>) -> BoxFuture<'static, TaskResult<Reservation>>;
    fn seal(&mut self, bytes: Resource<Writer>) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>>;
    fn drop_writer(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()>;
}

/// A writer that others may hold as well. Appending reads the guest's memory, while the guest's own state cannot be borrowed.
pub type Appending = Arc<Mutex<writer::Writer>>;

/// The handle of a writer.
pub struct Writer(Appending);

impl Host for Guest {
    fn put_room(&mut self, bytes: u64) -> wasmtime::Result<Begun<TaskResult<Reservation>>> {
        self.count_call();
        self.task().meter().bytes_out.add(bytes);
        Ok(self.room(bytes.saturating_add(OBJECT_OVERHEAD_BYTES)))
    }

    fn put(&mut self, data: Bytes, room: Reservation) -> wasmtime::Result<Resource<ObjectRef>> {
        self.port.emit(self.task(), EventKind::Stored { bytes: data.len() as u64 });
        let value = Value::new(Payload::new(Encoding::Raw, data), room.on(self.account()));
        let object = self.port.store().sealed(Ok(value));
        self.push(object)
    }

    fn read(&mut self, object: Resource<ObjectRef>, offset: u64, length: u64) -> wasmtime::Result<Reading<Bytes>> {
        self.count_call();
        let (task, port) = (self.task().clone(), self.port.clone());
        let object = self.table.get(&object)?.clone();
        let outcome = self.outcome(object.clone());
        Ok(async move {
            let part = part(&plain(&object, outcome.await)?, offset, length);
            task.meter().bytes_in.add(part.len() as u64);
            port.emit(&task, EventKind::Read { bytes: part.len() as u64 });
            Ok(part)
        }
        .boxed())
    }

    fn size(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<Reading<u64>> {
        self.count_call();
        let object = self.table.get(&object)?.clone();
        let outcome = self.outcome(object.clone());
        Ok(async move { plain(&object, outcome.await).map(|data| data.len() as u64) }.boxed())
    }

    fn create_room(&mut self, capacity: u64) -> wasmtime::Result<Begun<TaskResult<Reservation>>> {
        self.count_call();
        Ok(self.room(writer::Writer::needed_bytes(capacity)))
    }

    fn create(&mut self, room: Reservation) -> wasmtime::Result<TaskResult<Resource<Writer>>> {
        match writer::Writer::new(self.port.store(), self.account(), room) {
            Ok(writer) => Ok(Ok(self.push(Writer(Arc::new(Mutex::new(writer))))?)),
            Err(error) => Ok(Err(error)),
        }
    }

    fn append_room(&mut self, writer: &Appending, bytes: usize) -> Option<Begun<TaskResult<Reservation>>> {
        let [ample, missing] = writer.lock().lacks(bytes)?;
        Some(match self.port.store().reserve_at_once(ample) {
            Ok(room) => Begun::Done(Ok(room)),
            Err(_) => self.room(missing),
        })
    }

    fn wait_for_room(&mut self, room: Begun<TaskResult<Reservation>>) -> BoxFuture<'static, TaskResult<Reservation>> {
        let (port, task) = (self.port.clone(), self.task().clone());
        async move { room.with_room(&*port, Some(&task)).await }.boxed()
    }

    fn writer(&mut self, writer: &Resource<Writer>) -> wasmtime::Result<Appending> {
        self.count_call();
        Ok(self.table.get(writer)?.0.clone())
    }

    fn seal(&mut self, bytes: Resource<Writer>) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>> {
        self.count_call();
        let writer = Arc::into_inner(self.table.take(bytes)?.0).map(Mutex::into_inner);
        let sealed = writer.ok_or_else(|| broken_contract("a writer that is in use".to_owned()))?.seal();
        let written = sealed.outcome().and_then(Result::ok).map_or(0, |value| value.payload().data.len());
        self.task().meter().bytes_out.add(written as u64);
        Ok(Ok(self.push(sealed)?))
    }

    fn drop_writer(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        drop(self.table.take(writer)?);
        Ok(())
    }
}

impl Guest {
    fn room(&self, bytes: u64) -> Begun<TaskResult<Reservation>> {
        Begun::with(self.port.store(), bytes, |room| room)
    }
}

/// The bytes of an object that is nothing else.
fn plain(object: &ObjectRef, outcome: Outcome) -> Result<Bytes, wire::TaskError> {
    let value = outcome.map_err(|error| wire::TaskError::from(&*error))?;
    match value.payload() {
        Payload { encoding: Encoding::Raw, data, .. } => Ok(data.clone()),
        Payload { encoding, .. } => {
            let text = format!("object {} holds a value in {encoding:?}, and only plain bytes have parts", object.id());
            Err((&TaskError::new(ErrorKind::InvalidArgument, text)).into())
        }
    }
}

/// The part of the range that exists: a guest may ask for any.
fn part(data: &Bytes, offset: u64, length: u64) -> Bytes {
    let existing = |place: u64| usize::try_from(place).map_or(data.len(), |place| place.min(data.len()));
    data.slice(existing(offset)..existing(offset.saturating_add(length)))
}

/// A copy of what lies in a guest's memory.
fn copied(data: &[u8]) -> Bytes {
    let huge = (data.len() >= HUGE_FROM).then(|| in_huge_pages(data)).flatten();
    huge.unwrap_or_else(|| Bytes::copy_from_slice(data))
}

/// `None` where the kernel gives no map; an ordinary allocation may still succeed.
fn in_huge_pages(data: &[u8]) -> Option<Bytes> {
    let mut map = MmapMut::map_anon(data.len()).ok()?;
    // A kernel without huge pages refuses the advice, and the map is as good as any other memory.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    map.copy_from_slice(data);
    Some(Bytes::from_owner(map))
}

impl Handle for Writer {
    const BYTES: u64 = HANDLE_BYTES;
}

impl<T: Host + ?Sized> Host for &mut T {
    fn put_room(&mut self, bytes: u64) -> wasmtime::Result<Begun<TaskResult<Reservation>>> {
        T::put_room(self, bytes)
    }

    fn put(&mut self, data: Bytes, room: Reservation) -> wasmtime::Result<Resource<ObjectRef>> {
        T::put(self, data, room)
    }

    fn read(&mut self, object: Resource<ObjectRef>, offset: u64, length: u64) -> wasmtime::Result<Reading<Bytes>> {
        T::read(self, object, offset, length)
    }

    fn size(&mut self, object: Resource<ObjectRef>) -> wasmtime::Result<Reading<u64>> {
        T::size(self, object)
    }

    fn create_room(&mut self, capacity: u64) -> wasmtime::Result<Begun<TaskResult<Reservation>>> {
        T::create_room(self, capacity)
    }

    fn create(&mut self, room: Reservation) -> wasmtime::Result<TaskResult<Resource<Writer>>> {
        T::create(self, room)
    }

    fn append_room(&mut self, writer: &Appending, bytes: usize) -> Option<Begun<TaskResult<Reservation>>> {
        T::append_room(self, writer, bytes)
    }

    fn wait_for_room(&mut self, room: Begun<TaskResult<Reservation>>) -> BoxFuture<'static, TaskResult<Reservation>> {
        T::wait_for_room(self, room)
    }

    fn writer(&mut self, writer: &Resource<Writer>) -> wasmtime::Result<Appending> {
        T::writer(self, writer)
    }

    fn seal(&mut self, bytes: Resource<Writer>) -> wasmtime::Result<Result<Resource<ObjectRef>, wire::TaskError>> {
        T::seal(self, bytes)
    }

    fn drop_writer(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        T::drop_writer(self, writer)
    }
}

/// The same, for functions that would see the store.
pub trait HostWithStore<T> {}

impl<T, D: HasData> HostWithStore<T> for D {}

/// Links the functions.
pub fn add_to_linker<T, D>(linker: &mut Linker<T>, host: fn(&mut T) -> D::Data<'_>) -> wasmtime::Result<()>
where
    T: Send + 'static,
    D: HasData,
    for<'a> D::Data<'a>: Host,
{
    let mut bytes = linker.instance("rustyray:core/bytes@0.1.0")?;
    // What a guest puts is copied when there is room for it: nobody keeps a copy while the guest waits.
    bytes.func_wrap_async("put", move |store: StoreContextMut<'_, T>, (data,)| put::<T, D>(store, host, data))?;
    bytes.func_wrap_async("read", move |mut store: StoreContextMut<'_, T>, (object, offset, length)| {
        let reading = host(store.data_mut()).read(object, offset, length);
        Box::new(async move { Ok((reading?.await,)) })
    })?;
    bytes.resource("writer", ResourceType::host::<Writer>(), move |mut store, rep| {
        host(store.data_mut()).drop_writer(Resource::new_own(rep))
    })?;
    bytes.func_wrap_async("create", move |mut store: StoreContextMut<'_, T>, (capacity,): (Option<u64>,)| {
        Box::new(async move {
            let room = host(store.data_mut()).create_room(capacity.unwrap_or(0))?;
            let created = match ready::<T, D>(&mut store, host, room).await {
                Ok(room) => host(store.data_mut()).create(room)?,
                Err(error) => Err(error),
            };
            Ok((created.map_err(|error| wire::TaskError::from(&*error)),))
        })
    })?;
    bytes.func_wrap_async(
        "append",
        move |mut store: StoreContextMut<'_, T>, (to, data): (Resource<Writer>, WasmList<u8>)| {
            Box::new(async move {
                let writer = host(store.data_mut()).writer(&to)?;
                let bytes = data.as_le_slice(&store).len();
                let more = host(store.data_mut()).append_room(&writer, bytes);
                let more = match more {
                    Some(room) => ready::<T, D>(&mut store, host, room).await.map(Some),
                    None => Ok(None),
                };
                let more = more.and_then(|room| room.map_or(Ok(()), |room| writer.lock().take_room(room)));
                let appended = more.map(|()| writer.lock().append(data.as_le_slice(&store)));
                Ok((appended.map_err(|error| wire::TaskError::from(&*error)),))
            })
        },
    )?;
    bytes.func_wrap("seal", move |mut store: StoreContextMut<'_, T>, (writer,): (Resource<Writer>,)| {
        Ok((host(store.data_mut()).seal(writer)?,))
    })?;
    bytes.func_wrap_async("size", move |mut store: StoreContextMut<'_, T>, (object,)| {
        let reading = host(store.data_mut()).size(object);
        Box::new(async move { Ok((reading?.await,)) })
    })
}

/// What a guest puts is copied when there is room for it: nobody keeps a copy while the guest waits.
fn put<T, D>(
    mut store: StoreContextMut<'_, T>,
    host: fn(&mut T) -> D::Data<'_>,
    data: WasmList<u8>,
) -> Made<'_, ObjectRef>
where
    T: Send + 'static,
    D: HasData,
    for<'a> D::Data<'a>: Host,
{
    let bytes = data.as_le_slice(&store).len() as u64;
    let room = host(store.data_mut()).put_room(bytes);
    if let Ok(Begun::Done(Ok(room))) = room {
        let data = copied(data.as_le_slice(&store));
        let put = host(store.data_mut()).put(data, room);
        return match put {
            Ok(object) => handed(&object),
            Err(error) => Box::new(future::ready(Err(error))),
        };
    }
    Box::new(async move {
        let put = match ready::<T, D>(&mut store, host, room?).await {
            Ok(room) => {
                let data = copied(data.as_le_slice(&store));
                Ok(host(store.data_mut()).put(data, room)?)
            }
            Err(error) => Err(wire::TaskError::from(&*error)),
        };
        Ok((put,))
    })
}

/// The room, or why there is none, once that is known.
async fn ready<T, D>(
    store: &mut StoreContextMut<'_, T>,
    host: fn(&mut T) -> D::Data<'_>,
    room: Begun<TaskResult<Reservation>>,
) -> TaskResult<Reservation>
where
    T: Send + 'static,
    D: HasData,
    for<'a> D::Data<'a>: Host,
{
    match room {
        Begun::Done(room) => room,
        waits => {
            let waiting = host(store.data_mut()).wait_for_room(waits);
            waiting.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_exists_of_a_range() {
        let data = Bytes::from_static(b"0123456789");
        let parts = [(0, 4), (8, 4), (10, 1), (11, 1), (3, 0), (0, u64::MAX), (u64::MAX, u64::MAX), (5, u64::MAX)];
        let parts = parts.map(|(offset, length)| part(&data, offset, length));
        assert_eq!(parts, [&b"0123"[..], b"89", b"", b"", b"", b"0123456789", b"", b"56789"]);
    }

    #[test]
    fn a_copy_is_the_same_in_whatever_memory() {
        for size in [0, 1, HUGE_FROM - 1, HUGE_FROM, HUGE_FROM + 1] {
            let data: Vec<u8> = (0..size).map(|place| place as u8).collect();
            assert!(copied(&data) == data, "{size} bytes");
        }
    }
}
