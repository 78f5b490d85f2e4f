//! The receipts of finished tasks, as JSON lines in a file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use rustyray_host::Receipt;

use super::console::Console;
use super::failure::Failure;
use super::signals;

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
    /// Bytes of whole lines.
    length: u64,
    /// Receipts that could not be written.
    lost: u64,
}

impl ReceiptFile {
    /// Creates the file; one that exists is replaced.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, console: &Console) -> Result<Self, Failure> {
        // Of a pipe it waits for a reader.
        let _ends_at_a_signal = signals::may_block();
        let file = File::create(path)
            .map_err(|error| Failure::host(format!("cannot write receipts to '{}': {error}", path.display())))?;
        Ok(ReceiptFile {
            path: path.to_owned(),
            console: console.clone(),
            state: Mutex::new(State { file, length: 0, lost: 0 }),
        })
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
                self.console.paint().red("error:"),
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
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let outcome = self.file.write_all(line);
        match &outcome {
            Ok(()) => self.length += line.len() as u64,
            // A full disk may have taken half a line. A pipe or a device can't take it back, and need not.
            Err(_) => drop(self.file.set_len(self.length)),
        }
        outcome
    }
}

fn line(receipt: &Receipt) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(receipt)?;
    line.push(b'\n');
    Ok(line)
}
