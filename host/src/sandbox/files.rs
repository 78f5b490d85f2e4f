//! What a guest opens: the folders that are granted to it, and files in them.

use wasmtime::StoreContextMut;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::FsPerms;
use wasmtime_wasi::filesystem::{Descriptor, Dir, OpenMode, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::pipe::ClosedOutputStream;
use wasmtime_wasi::p2::{DynOutputStream, FsError};

use super::guest::Guest;
use super::listing::TYPES;
use super::permitted_stream::PermittedStream;
use super::trap::Violation;
use super::{descriptors, listing};
use crate::types::capabilities::{DirAccess, DirGrant};
use crate::types::error::{ErrorKind, TaskError};

/// The folders of a guest.
struct Folders<'a>(&'a mut Guest);

impl HasData for Folders<'static> {
    type Data<'a> = Folders<'a>;
}

/// Takes the place of what is linked already.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<Guest, Folders<'static>>(linker, |guest| Folders(guest))?;
    let mut types = linker.instance(TYPES)?;
    types.func_wrap_async("[method]descriptor.open-at", |store, what| {
        Box::new(async move { Ok((open(store, what).await?,)) })
    })?;
    types.func_wrap_async("[method]descriptor.remove-directory-at", |store, what| {
        Box::new(async move { Ok((remove_directory(store, what).await?,)) })
    })?;
    types.func_wrap("[method]descriptor.write-via-stream", |mut store: Store<'_>, (file, offset): (_, u64)| {
        let stream = store.data_mut().filesystem().write_via_stream(file, offset);
        Ok((within_permits(store, stream)?,))
    })?;
    types.func_wrap("[method]descriptor.append-via-stream", |mut store: Store<'_>, (file,): (_,)| {
        let stream = store.data_mut().filesystem().append_via_stream(file);
        Ok((within_permits(store, stream)?,))
    })?;
    listing::add_to_linker(linker)
}

type Store<'a> = StoreContextMut<'a, Guest>;

/// The stream, which takes no more than it says.
fn within_permits(
    mut store: Store<'_>,
    stream: Result<Resource<DynOutputStream>, FsError>,
) -> wasmtime::Result<Result<Resource<DynOutputStream>, ErrorCode>> {
    let stream = match stream {
        Ok(stream) => stream,
        Err(error) => return error.downcast().map(Err),
    };
    let written = store.data_mut().filesystem().table.get_mut(&stream)?;
    let inner = std::mem::replace(written, Box::new(ClosedOutputStream));
    *written = Box::new(PermittedStream::new(inner));
    Ok(Ok(stream))
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
    Ok(Dir::new(dir.into_std_file(), perms, mode, false))
}

/// A path may end in slashes, as POSIX has it: it names a folder all the same. The engine's own takes them for a name within that.
async fn remove_directory(
    mut store: StoreContextMut<'_, Guest>,
    (directory, path): (Resource<Descriptor>, String),
) -> wasmtime::Result<Result<(), ErrorCode>> {
    let name = path.trim_end_matches('/');
    // One of slashes alone is no name within the folder, and is refused as before.
    let name = if name.is_empty() { path } else { name.to_owned() };
    match store.data_mut().filesystem().remove_directory_at(directory, name).await {
        Ok(()) => Ok(Ok(())),
        Err(error) => FsError::downcast(error).map(Err),
    }
}

/// Where, what to do with a link, which, how, and for what.
type What = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

async fn open(
    mut store: StoreContextMut<'_, Guest>,
    (directory, path_flags, path, open_flags, flags): What,
) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    if !descriptors::is_one_free() {
        return Ok(Err(store.data_mut().has_no_descriptor()));
    }
    let mut files = store.data_mut().filesystem();
    match files.open_at(directory, path_flags, path, open_flags, flags).await {
        Ok(file) => Ok(Ok(file)),
        Err(error) => FsError::downcast(error).map(Err),
    }
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
