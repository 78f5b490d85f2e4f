//! What a guest opens: the folders that are granted to it, and files in them. All that the system is asked for is done in a place of the
//! guest's: one module waits for its own alone where a disk does not answer.

use std::any::Any;
use std::fs::FileTimes;
use std::time::{Duration, SystemTime};

use futures::executor::block_on;
use wasmtime::StoreContextMut;
use wasmtime::component::{HasData, Linker, LinkerInstance, Resource, ResourceTable, WasmList};
use wasmtime_wasi::filesystem::{
    Descriptor, Dir, OpenMode, WasiFilesystemCtx, WasiFilesystemCtxView, WasiFilesystemView,
};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, ErrorCode, HostDescriptor, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError};
use wasmtime_wasi::{FsPerms, WasiView};

use super::file_streams::{FileReader, FileWriter, To};
use super::guest::Guest;
use super::listing::TYPES;
use super::opening::Wanted;
use super::permitted_stream::PermittedStream;
use super::places::Place;
use super::trap::Violation;
use super::{descriptors, listing, opening};
use crate::types::capabilities::{DirAccess, DirGrant};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{FILE_STREAM_BYTES, FILE_WRITE_BYTES, PATH_BYTES_MAX};

/// The folders of a guest.
struct Folders<'a>(&'a mut Guest);

impl HasData for Folders<'static> {
    type Data<'a> = Folders<'a>;
}

/// Takes the place of what is linked already: of all that asks the system for something, since the engine's own would do that on the
/// thread that runs the guest, for files [as they are opened here](opening::open).
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<Guest, Folders<'static>>(linker, |guest| Folders(guest))?;
    let mut types = linker.instance(TYPES)?;
    link_descriptors(&mut types)?;
    link_paths(&mut types)?;
    link_own(&mut types)?;
    link_streams(&mut types)?;
    listing::add_to_linker(linker)
}

type Store<'a> = StoreContextMut<'a, Guest>;
type File = Resource<Descriptor>;

/// Links a function again: what the engine does for it is done in one of the guest's places, with descriptors of that thread's own.
macro_rules! in_place {
    ($types:ident, $name:literal, $function:ident($($argument:ident: $type:ty),+) of $($file:ident),+) => {
        $types.func_wrap_async(
            concat!("[method]descriptor.", $name),
            |mut store: Store<'_>, ($($argument,)+): ($($type,)+)| Box::new(async move {
                if [$(is_long_path(&$argument)),+].contains(&true) {
                    return Ok((Err(ErrorCode::NameTooLong),));
                }
                let place = store.data_mut().file_places().one().await;
                let done = done(&mut store, place, [$(&$file),+], move |mut files, [$($file),+]| {
                    $(let $file = $file?;)+
                    block_on(files.$function($($argument),+))
                });
                Ok((done.await?,))
            }),
        )?;
    };
}

fn link_descriptors(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    in_place!(types, "advise", advise(file: File, offset: u64, length: u64, advice: Advice) of file);
    in_place!(types, "sync-data", sync_data(file: File) of file);
    in_place!(types, "get-flags", get_flags(file: File) of file);
    in_place!(types, "get-type", get_type(file: File) of file);
    in_place!(types, "set-size", set_size(file: File, size: u64) of file);
    in_place!(types, "set-times", set_times(file: File, read: NewTimestamp, written: NewTimestamp) of file);
    // The engine has a bound for what is read at once.
    in_place!(types, "read", read(file: File, length: u64, offset: u64) of file);
    in_place!(types, "sync", sync(file: File) of file);
    in_place!(types, "stat", stat(file: File) of file);
    in_place!(types, "metadata-hash", metadata_hash(file: File) of file);
    Ok(())
}

fn link_paths(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    in_place!(types, "create-directory-at", create_directory_at(dir: File, path: String) of dir);
    in_place!(types, "stat-at", stat_at(dir: File, links: PathFlags, path: String) of dir);
    in_place!(types, "link-at", link_at(from: File, links: PathFlags, path: String, to: File, name: String) of from, to);
    in_place!(types, "readlink-at", readlink_at(dir: File, path: String) of dir);
    in_place!(types, "rename-at", rename_at(from: File, path: String, to: File, name: String) of from, to);
    in_place!(types, "symlink-at", symlink_at(dir: File, target: String, path: String) of dir);
    in_place!(types, "unlink-file-at", unlink_file_at(dir: File, path: String) of dir);
    in_place!(types, "metadata-hash-at", metadata_hash_at(dir: File, links: PathFlags, path: String) of dir);
    Ok(())
}

/// Those that do something else than the engine's.
fn link_own(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    types.func_wrap_async("[method]descriptor.open-at", |store, what| {
        Box::new(async move { Ok((open(store, what).await?,)) })
    })?;
    types.func_wrap_async("[method]descriptor.remove-directory-at", |store, what| {
        Box::new(async move { Ok((remove_directory(store, what).await?,)) })
    })?;
    types.func_wrap_async("[method]descriptor.set-times-at", |store, what| {
        Box::new(async move { Ok((set_times(store, what).await?,)) })
    })?;
    types.func_wrap_async("[method]descriptor.write", |store, what| {
        Box::new(async move { Ok((write(store, what).await?,)) })
    })?;
    types.func_wrap_async("[method]descriptor.is-same-object", |store, files| {
        Box::new(async move { Ok((is_same(store, files).await?,)) })
    })
}

fn link_streams(types: &mut LinkerInstance<'_, Guest>) -> wasmtime::Result<()> {
    types.func_wrap("[method]descriptor.read-via-stream", |mut store: Store<'_>, (file, offset): (File, u64)| {
        let guest = store.data_mut();
        let places = guest.file_places().clone();
        let kept = guest.limiter.keep_until_dropped(FILE_STREAM_BYTES)?;
        let stream: DynInputStream = match guest.ctx().table.get(&file)? {
            Descriptor::File(file) => Box::new(FileReader::new(file, offset, places, kept)),
            Descriptor::Dir(_) => return Ok((Err(ErrorCode::IsDirectory),)),
        };
        Ok((Ok(guest.ctx().table.push(stream)?),))
    })?;
    types.func_wrap("[method]descriptor.write-via-stream", |store: Store<'_>, (file, offset): (_, u64)| {
        Ok((write_stream(store, &file, To::Position(offset))?,))
    })?;
    types.func_wrap("[method]descriptor.append-via-stream", |store: Store<'_>, (file,): (_,)| {
        Ok((write_stream(store, &file, To::End)?,))
    })
}

fn write_stream(
    mut store: Store<'_>,
    file: &File,
    to: To,
) -> wasmtime::Result<Result<Resource<DynOutputStream>, ErrorCode>> {
    let guest = store.data_mut();
    let places = guest.file_places().clone();
    let kept = guest.limiter.keep_until_dropped(FILE_STREAM_BYTES)?;
    let writer = match guest.ctx().table.get(file)? {
        Descriptor::File(file) if file.perms.write_not_permitted() => return Ok(Err(ErrorCode::NotPermitted)),
        Descriptor::File(file) => FileWriter::new(file, to, places, kept),
        Descriptor::Dir(_) => return Ok(Err(ErrorCode::BadDescriptor)),
    };
    // It takes no more than it says.
    let stream: DynOutputStream = Box::new(PermittedStream::new(Box::new(writer)));
    Ok(Ok(guest.ctx().table.push(stream)?))
}

/// Does it in this place, with these descriptors, whoever waits for it.
async fn done<const N: usize, T: Send + 'static>(
    store: &mut Store<'_>,
    place: Place,
    of: [&File; N],
    work: impl FnOnce(WasiFilesystemCtxView<'_>, [Result<File, FsError>; N]) -> Result<T, FsError> + Send + 'static,
) -> wasmtime::Result<Result<T, ErrorCode>> {
    let theirs = store.data_mut().filesystem().table;
    let mut table = ResourceTable::new();
    let files = of.map(|file| -> Result<File, FsError> { Ok(table.push(theirs.get(file)?.clone())?) });
    let done = place.run(move || {
        let view = WasiFilesystemCtxView { ctx: &mut WasiFilesystemCtx::default(), table: &mut table };
        work(view, files)
    });
    match done.await? {
        Ok(done) => Ok(Ok(done)),
        Err(error) => FsError::downcast(error).map(Err),
    }
}

/// Is this a path that leads nowhere, and that the host need not keep?
fn is_long_path(argument: &dyn Any) -> bool {
    argument.downcast_ref().is_some_and(|path: &String| path.len() > PATH_BYTES_MAX)
}

impl preopens::Host for Folders<'_> {
    /// By the descriptors that were opened when they were granted, whatever is at their paths now.
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        let capabilities = self.0.task().spec.capabilities.clone();
        let table = self.0.filesystem().table;
        let opened = |grant: &DirGrant| Ok((table.push(Descriptor::Dir(opened(grant)?))?, grant.guest_path.clone()));
        capabilities.dirs.iter().map(opened).collect()
    }
}

fn opened(grant: &DirGrant) -> Result<Dir, Violation> {
    let another = || match descriptors::is_one_free() {
        true => grant.dir.try_clone(),
        false => Err(rustix::io::Errno::MFILE.into()),
    };
    let dir = another().map_err(|error| {
        let path = &grant.guest_path;
        let text = format!(
            "the granted folder '{path}' cannot be opened: {error}. The host's process may have so many open files \
             (`ulimit -n`), of which it keeps some for itself: let it have more, or fewer guests at once"
        );
        Violation(TaskError::new(ErrorKind::LimitExceeded, text))
    })?;
    let (perms, mode) = match grant.access {
        DirAccess::ReadOnly => (FsPerms::ReadOnly, OpenMode::READ),
        DirAccess::ReadWrite => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
    };
    Ok(Dir::new(dir.into_std_file(), perms, mode, true))
}

/// A path may end in slashes, as POSIX has it: it names a folder all the same. The engine's own takes them for a name within that.
async fn remove_directory(
    mut store: Store<'_>,
    (directory, path): (File, String),
) -> wasmtime::Result<Result<(), ErrorCode>> {
    if is_long_path(&path) {
        return Ok(Err(ErrorCode::NameTooLong));
    }
    let name = path.trim_end_matches('/');
    // One of slashes alone is no name within the folder, and is refused as before.
    let name = if name.is_empty() { path } else { name.to_owned() };
    let place = store.data_mut().file_places().one().await;
    let removed = |mut files: WasiFilesystemCtxView<'_>, [directory]: [Result<File, FsError>; 1]| {
        block_on(files.remove_directory_at(directory?, name))
    };
    done(&mut store, place, [&directory], removed).await
}

/// Where, what to do with a link, which, how, and for what.
type What = (File, PathFlags, String, OpenFlags, DescriptorFlags);

async fn open(
    mut store: Store<'_>,
    (directory, links, path, how, flags): What,
) -> wasmtime::Result<Result<File, ErrorCode>> {
    if is_long_path(&path) {
        return Ok(Err(ErrorCode::NameTooLong));
    }
    let place = store.data_mut().file_places().one().await;
    let wanted = Wanted { links, path, how, flags };
    let opened = done(&mut store, place, [&directory], move |files, [directory]| {
        Ok(opening::open(folder(&files, &directory?)?, &wanted)?)
    });
    match opened.await? {
        Ok(Some(opened)) => Ok(Ok(store.data_mut().ctx().table.push(opened)?)),
        Ok(None) => Ok(Err(store.data_mut().has_no_descriptor())),
        Err(error) => Ok(Err(error)),
    }
}

fn folder<'a>(files: &'a WasiFilesystemCtxView<'_>, directory: &File) -> Result<&'a Dir, FsError> {
    match files.table.get(directory)? {
        Descriptor::Dir(folder) => Ok(folder),
        Descriptor::File(_) => Err(ErrorCode::NotDirectory.into()),
    }
}

/// By way of links the engine opens what they lead to, and would wait for a pipe.
async fn set_times(
    mut store: Store<'_>,
    (directory, links, path, read, written): (File, PathFlags, String, NewTimestamp, NewTimestamp),
) -> wasmtime::Result<Result<(), ErrorCode>> {
    if is_long_path(&path) {
        return Ok(Err(ErrorCode::NameTooLong));
    }
    let place = store.data_mut().file_places().one().await;
    let set = move |mut files: WasiFilesystemCtxView<'_>, [directory]: [Result<File, FsError>; 1]| {
        if !links.contains(PathFlags::SYMLINK_FOLLOW) {
            return block_on(files.set_times_at(directory?, links, path, read, written));
        }
        let mut times = FileTimes::new();
        if let Some(read) = time(read)? {
            times = times.set_accessed(read);
        }
        if let Some(written) = time(written)? {
            times = times.set_modified(written);
        }
        Ok(opening::set_times(folder(&files, &directory?)?, &path, times)?)
    };
    done(&mut store, place, [&directory], set).await
}

/// `None` where it is to stay.
fn time(new: NewTimestamp) -> Result<Option<SystemTime>, ErrorCode> {
    match new {
        NewTimestamp::NoChange => Ok(None),
        NewTimestamp::Now => Ok(Some(SystemTime::now())),
        NewTimestamp::Timestamp(at) => {
            let since = Duration::from_secs(at.seconds).checked_add(Duration::from_nanos(at.nanoseconds.into()));
            let time = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
            time.map(Some).ok_or(ErrorCode::Overflow)
        }
    }
}

/// As WASI lets it be, it may write less than it was given. What is more stays in the guest.
async fn write(
    mut store: Store<'_>,
    (file, bytes, offset): (File, WasmList<u8>, u64),
) -> wasmtime::Result<Result<u64, ErrorCode>> {
    let place = store.data_mut().file_places().one().await;
    let bytes = bytes.as_le_slice(&store);
    let part = bytes[..bytes.len().min(FILE_WRITE_BYTES)].to_vec();
    done(&mut store, place, [&file], move |mut files, [file]| block_on(files.write(file?, part, offset))).await
}

async fn is_same(mut store: Store<'_>, (one, other): (File, File)) -> wasmtime::Result<bool> {
    let place = store.data_mut().file_places().one().await;
    let same = done(&mut store, place, [&one, &other], |mut files, [one, other]| {
        block_on(files.is_same_object(one?, other?)).map_err(FsError::trap)
    });
    Ok(same.await??)
}

impl Guest {
    /// The error of what it cannot open, because the process has too many open files. WASI has none of its own for that.
    pub(super) fn has_no_descriptor(&self) -> ErrorCode {
        let spec = &self.task().spec;
        if spec.module.account.lacks_a_file() {
            let text = format!(
                "a file of {} was not opened: guests have all open files that they may have together in this process, by \
                 `ulimit -n` and less some for the host itself. It is not said again for module {}",
                spec.plan.name, spec.module.name
            );
            self.port.say(tracing::Level::WARN, text);
        }
        ErrorCode::Quota
    }
}
