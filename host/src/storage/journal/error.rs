//! Why a journal can't be opened.

use std::io;

use crate::types::limits::JOURNAL_BYTES_MIN;

/// Why a journal can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refuses.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Another host writes to it.
    #[error("another process uses it: a journal has one writer, so wait for that one, or name another folder")]
    InUse,
    /// It was written by another version.
    #[error("it has the format {0}, which this version does not know: name another folder, or delete this one")]
    OtherVersion(u32),
    /// The limit cannot be.
    #[error("{0} bytes are too few: a journal takes at least {JOURNAL_BYTES_MIN}")]
    TooSmall(u64),
}
