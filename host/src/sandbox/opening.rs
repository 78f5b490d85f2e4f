//! How a path in a granted folder is opened. As the engine does it, but for pipes, sockets and devices: opening one of these may take as
//! long as somebody at its other end likes, and so may all that is done with it. They are refused, and nothing waits for them.

use std::fs::FileTimes;
use std::io;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir as Folder, Metadata, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;
use rustix::io::Errno;
use wasmtime_wasi::filesystem::{Descriptor, Dir, File, OpenMode};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

use super::descriptors;

/// Which, and for what.
pub struct Wanted {
    pub links: PathFlags,
    pub path: String,
    pub how: OpenFlags,
    pub flags: DescriptorFlags,
}

/// Opens it; none where guests have all open files that they may.
///
/// # Errors
/// The folder is none for that, or the system refuses it.
pub fn open(folder: &Dir, wanted: &Wanted) -> Result<Option<Descriptor>, ErrorCode> {
    let (mode, options) = wanted.options()?;
    if mode.contains(OpenMode::WRITE) && folder.perms.write_not_permitted() {
        return Err(ErrorCode::NotPermitted);
    }
    let Some((found, opened)) = opened(folder, &wanted.path, options)? else { return Ok(None) };
    match found.is_dir() {
        true => Ok(Some(Descriptor::Dir(Dir::new(opened, folder.perms, mode, true)))),
        false if wanted.how.contains(OpenFlags::DIRECTORY) => Err(ErrorCode::NotDirectory),
        false => Ok(Some(Descriptor::File(File::new(opened, folder.perms, mode, true)))),
    }
}

/// Sets the times of what a path leads to, by way of links.
///
/// # Errors
/// The folder is for reading, or the system refuses it.
pub fn set_times(folder: &Dir, path: &str, times: FileTimes) -> Result<(), ErrorCode> {
    if folder.perms.write_not_permitted() {
        return Err(ErrorCode::NotPermitted);
    }
    // One of the two is enough: what may be neither read nor written by the host is left as it is.
    let mut writing = OpenOptions::new();
    writing.write(true);
    let mut reading = OpenOptions::new();
    reading.read(true);
    let opened = match opened(folder, path, writing) {
        Err(ErrorCode::Access | ErrorCode::IsDirectory) => opened(folder, path, reading)?,
        opened => opened?,
    };
    let (_, file) = opened.ok_or(ErrorCode::Quota)?;
    Ok(file.set_times(times)?)
}

impl Wanted {
    fn options(&self) -> Result<(OpenMode, OpenOptions), ErrorCode> {
        let (how, flags) = (self.how, self.flags);
        let synced = DescriptorFlags::FILE_INTEGRITY_SYNC
            | DescriptorFlags::DATA_INTEGRITY_SYNC
            | DescriptorFlags::REQUESTED_WRITE_SYNC;
        if flags.intersects(synced) {
            return Err(ErrorCode::Unsupported);
        }
        let changing = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
        if how.contains(OpenFlags::DIRECTORY) && how.intersects(changing) {
            return Err(ErrorCode::Invalid);
        }
        let writes = flags.contains(DescriptorFlags::WRITE);
        // What is not opened for writing is opened for reading, whether or not that is asked for.
        let reads = !writes || flags.contains(DescriptorFlags::READ);
        let writes = writes || how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE);
        let creates = how.contains(OpenFlags::CREATE);
        let is_new = creates && how.contains(OpenFlags::EXCLUSIVE);
        let mut options = OpenOptions::new();
        options
            .read(reads)
            .write(writes)
            .truncate(how.contains(OpenFlags::TRUNCATE))
            .create(creates)
            .create_new(is_new);
        let follows = self.links.contains(PathFlags::SYMLINK_FOLLOW);
        options.follow(if follows { FollowSymlinks::Yes } else { FollowSymlinks::No });
        let mut mode = OpenMode::empty();
        mode.set(OpenMode::READ, reads);
        mode.set(OpenMode::WRITE, writes);
        Ok((mode, options))
    }
}

/// A file or a folder. The system is asked not to wait, and what it has opened is looked at: whatever is at the path before or after that is
/// not what is used. None where guests have all open files that they may.
fn opened(folder: &Dir, path: &str, mut options: OpenOptions) -> Result<Option<(Metadata, std::fs::File)>, ErrorCode> {
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let folder = Folder::from_std_file(folder.dir.try_clone()?);
    // While this thread has another one of the folder: those that others have for a moment would else leave low numbers free.
    if !descriptors::is_one_free() {
        return Ok(None);
    }
    let opened = folder.open_with(path, &options).map_err(refused)?;
    let found = opened.metadata()?;
    match found.is_file() || found.is_dir() {
        true => Ok(Some((found, opened.into_std()))),
        false => Err(ErrorCode::Unsupported),
    }
}

/// Sockets, devices that are not there, and pipes that nobody reads are not even opened.
fn refused(error: io::Error) -> ErrorCode {
    match Errno::from_io_error(&error) {
        Some(Errno::NXIO | Errno::NODEV) => ErrorCode::Unsupported,
        _ => error.into(),
    }
}
