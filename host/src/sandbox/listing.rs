//! What a guest reads of a directory: a few entries at a time, whatever the directory holds. The engine's own would hold all of them
//! from the first on, for each of a guest's handles.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::fs::{Dir, DirEntry, FileType, FileTypeExt, ReadDir};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};

use super::descriptors;
use super::guest::Guest;
use crate::types::limits::{LISTING_BYTES, LISTING_ENTRIES};

pub(super) const TYPES: &str = "wasi:filesystem/types@0.2.12";

/// The rest of a directory.
struct Listing(Arc<Mutex<Rest>>);

struct Rest {
    unread: ReadDir,
    /// Read, and not taken.
    read: VecDeque<Entry>,
}

/// The last one is `None`.
type Entry = Result<Option<DirectoryEntry>, ErrorCode>;

impl Rest {
    /// The next entry; reads a few more where there is none.
    fn next(&mut self) -> Entry {
        if self.read.is_empty() {
            while self.read.len() < LISTING_ENTRIES {
                let entry = self.unread.next().map(described).transpose();
                let is_last = matches!(entry, Ok(None));
                self.read.push_back(entry);
                if is_last {
                    break;
                }
            }
        }
        self.read.pop_front().unwrap_or(Ok(None))
    }
}

fn described(entry: io::Result<DirEntry>) -> Result<DirectoryEntry, ErrorCode> {
    let entry = entry?;
    let type_ = kind(entry.file_type()?);
    let name = entry.file_name().into_string().map_err(|_| ErrorCode::IllegalByteSequence)?;
    Ok(DirectoryEntry { type_, name })
}

fn kind(file: FileType) -> DescriptorType {
    match () {
        () if file.is_dir() => DescriptorType::Directory,
        () if file.is_file() => DescriptorType::RegularFile,
        () if file.is_symlink() => DescriptorType::SymbolicLink,
        () if file.is_block_device() => DescriptorType::BlockDevice,
        () if file.is_char_device() => DescriptorType::CharacterDevice,
        () if file.is_fifo() => DescriptorType::Fifo,
        () if file.is_socket() => DescriptorType::Socket,
        () => DescriptorType::Unknown,
    }
}

/// Takes the place of what is linked already.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut types = linker.instance(TYPES)?;
    types.resource("directory-entry-stream", ResourceType::host::<Listing>(), |mut store, rep| {
        let guest: &mut Guest = store.data_mut();
        drop(guest.ctx().table.delete(Resource::<Listing>::new_own(rep))?);
        guest.limiter.let_go(LISTING_BYTES);
        Ok(())
    })?;
    types.func_wrap_async("[method]descriptor.read-directory", |store, (directory,): (Resource<Descriptor>,)| {
        Box::new(async move { Ok((open(store, directory).await?,)) })
    })?;
    types.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |store, (listing,): (Resource<Listing>,)| Box::new(async move { Ok((next(store, listing).await?,)) }),
    )
}

async fn open(
    mut store: StoreContextMut<'_, Guest>,
    directory: Resource<Descriptor>,
) -> wasmtime::Result<Result<Resource<Listing>, ErrorCode>> {
    let guest = store.data_mut();
    let Descriptor::Dir(directory) = guest.ctx().table.get(&directory)? else {
        return Ok(Err(ErrorCode::NotDirectory));
    };
    let file = directory.dir.clone();
    if !descriptors::is_one_free() {
        return Ok(Err(guest.has_no_descriptor()));
    }
    guest.limiter.keep(LISTING_BYTES)?;
    let places = guest.file_places().clone();
    let unread = places.run(move || Dir::from_std_file(file.try_clone()?).entries()).await.flatten();
    let guest = store.data_mut();
    Ok(match unread {
        Ok(unread) => {
            let rest = Rest { unread, read: VecDeque::new() };
            Ok(guest.ctx().table.push(Listing(Arc::new(Mutex::new(rest))))?)
        }
        Err(error) => {
            guest.limiter.let_go(LISTING_BYTES);
            Err(error.into())
        }
    })
}

async fn next(mut store: StoreContextMut<'_, Guest>, listing: Resource<Listing>) -> wasmtime::Result<Entry> {
    let rest = store.data_mut().ctx().table.get(&listing)?.0.clone();
    let here = rest.lock().unwrap_or_else(PoisonError::into_inner).read.pop_front();
    if let Some(entry) = here {
        return Ok(entry);
    }
    let places = store.data_mut().file_places().clone();
    Ok(places.run(move || rest.lock().unwrap_or_else(PoisonError::into_inner).next()).await?)
}
