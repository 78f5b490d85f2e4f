//! The receipts of finished tasks, as JSON lines in a file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use rustyray_host::Receipt;

use super::console::Console;
use super::failure::Failure;
use super::may_block::may_block;
use super::output_file;

/// Time for a write that is under way at the end: a pipe may have a reader that reads nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// A file of receipts. Each is written when its task is finished, in one call, so that a process which is ended at once
/// has lost none.
pub struct ReceiptFile {
    path: PathBuf,
    console: Console,
    state: Mutex<State>,
}

struct State {
    file: File,
    /// Receipts that could not be written.
    lost: u64,
}

impl ReceiptFile {
    /// Opens the file. One of an earlier run is replaced, and one that another process writes to is added to: each line is whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, console: &Console) -> Result<Self, Failure> {
        // Of a pipe it waits for a reader.
        let _ends_at_a_signal = may_block();
        let file = open(path)
            .map_err(|error| Failure::host(format!("cannot write receipts to '{}': {error}", path.display())))?;
        Ok(ReceiptFile { path: path.to_owned(), console: console.clone(), state: Mutex::new(State { file, lost: 0 }) })
    }

    /// Adds a line. After the first that fails no more are tried, so that the file has no gaps.
    pub fn write(&self, receipt: &Receipt) {
        let line = line(receipt);
        let mut state = self.state.lock();
        let failed = match line {
            _ if state.lost > 0 => None,
            Ok(line) => state.append(&line).err(),
            Err(error) => Some(error),
        };
        if state.lost > 0 || failed.is_some() {
            state.lost += 1;
        }
        drop(state);
        if let Some(error) = failed {
            self.console.line(&format!(
                "{} cannot write receipts to '{}': {error}",
                self.console.colour().red("error:"),
                self.path.display()
            ));
        }
    }

    /// Were all written? Also those that are left out of what the host told.
    ///
    /// # Errors
    /// How many were lost.
    pub fn finish(&self, left_out: u64) -> Result<(), Failure> {
        let Some(state) = self.state.try_lock_for(PATIENCE) else {
            let text = format!("'{}' does not take receipts: some are missing there", self.path.display());
            return Err(Failure::host(text).hint("is it a pipe that nobody reads?"));
        };
        match state.lost + left_out {
            0 => Ok(()),
            lost => {
                let text = format!("{lost} receipts are missing in '{}'", self.path.display());
                Err(Failure::host(text).hint("make room, or name another file with --receipts"))
            }
        }
    }
}

impl State {
    /// In one call: lines of several processes stand one after the other.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        match self.file.write(line) {
            Ok(written) if written == line.len() => Ok(()),
            // A pipe that was almost full: the rest is on its way, unless nobody reads any more.
            Ok(written) if !is_file(&self.file) => self.file.write_all(&line[written..]),
            Ok(written) => {
                // A full disk took half a line: it must not be the beginning of another process's.
                let length = self.file.metadata().map(|file| file.len());
                let _ = length.and_then(|length| self.file.set_len(length - written as u64));
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            Err(error) => Err(error),
        }
    }
}

/// Empties it, unless another process has it open to write there as well.
fn open(path: &Path) -> io::Result<File> {
    output_file::check(path)?;
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    if is_file(&file) {
        match file.try_lock() {
            Ok(()) => file.set_len(0)?,
            Err(TryLockError::WouldBlock) => {}
            // Where files have no locks, nobody can know.
            Err(TryLockError::Error(_)) => return file.set_len(0).map(|()| file),
        }
        // As long as this process lives.
        file.lock_shared()?;
    }
    Ok(file)
}

fn is_file(file: &File) -> bool {
    file.metadata().is_ok_and(|file| file.is_file())
}

fn line(receipt: &Receipt) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(receipt)?;
    line.push(b'\n');
    Ok(line)
}
