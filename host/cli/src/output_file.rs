//! Files that the command line writes beside its output, and what must not be one.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// What a module begins with.
const WASM: &[u8; 4] = b"\0asm";

/// May what is there be replaced? Said before anything of it is.
///
/// # Errors
/// It is a module, which nobody means to write over, or standard output or standard error go there, which would stand in between.
pub fn check(path: &Path) -> io::Result<()> {
    let Ok(there) = path.metadata() else { return Ok(()) };
    if !there.is_file() {
        return Ok(());
    }
    let mut start = [0; WASM.len()];
    if File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *WASM {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a WebAssembly module: name another file"));
    }
    let is_there = |stream: &dyn AsFd| {
        let file = stream.as_fd().try_clone_to_owned().map(File::from).and_then(|file| file.metadata());
        file.is_ok_and(|file| (file.dev(), file.ino()) == (there.dev(), there.ino()))
    };
    if is_there(&io::stdout()) || is_there(&io::stderr()) {
        let text = "it is what standard output or standard error goes to, too: name another file";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    Ok(())
}

/// Can it be written to anywhere, and not only at its end?
///
/// # Errors
/// It is a pipe, or a socket.
pub fn check_seekable(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(there) if there.file_type().is_fifo() || there.file_type().is_socket() => {
            Err(io::Error::new(ErrorKind::NotSeekable, "a pipe can't be written to again: name a file"))
        }
        _ => Ok(()),
    }
}
