//! Counts the words of a folder of text files: a task per file, or per piece of a large one, and a tree of tasks that
//! merge what they counted.
//!
//! The driver never sees the counts of a file. It passes references on, and fetches the last one.

mod counts;
mod table;

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::BufReader;
use std::ops::Range;

use counts::Counts;
use rustyray::prelude::*;

/// A larger file is counted in pieces of this size, each by a task of its own.
const PIECE_BYTES: u64 = 1 << 20;

const FOLDER: &str = "/texts";
const ROWS: usize = 12;

/// Counts the lines of a file that start within these bytes.
#[rustyray::remote(max_retries = 1)]
fn count(path: String, bytes: Range<u64>) -> Result<Counts> {
    let reading = |error| Error::from(error).context(format!("reading {path}"));
    let mut file = BufReader::new(File::open(&path).map_err(reading)?);
    Counts::of_lines(&path, &mut file, bytes).map_err(reading)
}

/// Adds two counts up. It starts when both are there, and needs no files.
#[rustyray::remote(max_retries = 1, grants = [])]
fn merge(left: Counts, right: Counts) -> Counts {
    left.merged(right)
}

#[rustyray::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, rows) = match arguments.as_slice() {
        [] => (FOLDER, ROWS),
        [folder] => (folder.as_str(), ROWS),
        [folder, rows] => (folder.as_str(), parse_rows(rows)?),
        _ => rustyray::bail!("usage: wordcount [FOLDER [ROWS]]"),
    };
    let files = text_files(folder)?;
    rustyray::ensure!(!files.is_empty(), "there is no file in {folder}: put some texts there");

    let total = counted(&files, PIECE_BYTES).await?;
    print!("{}", table::table(&total, files.len(), rows));
    Ok(())
}

fn parse_rows(text: &str) -> Result<usize> {
    text.parse().map_err(|_| Error::msg(format!("'{text}' is no number of rows")))
}

/// The paths and lengths of the folder's files, sorted by path.
fn text_files(folder: &str) -> Result<Vec<(String, u64)>> {
    let entries = fs::read_dir(folder).map_err(|error| {
        Error::msg(format!("cannot open {folder} ({error}): grant a folder with `--dir HOST::{folder}:ro`"))
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.to_string_lossy().into_owned();
        let about = fs::metadata(&path).map_err(|error| Error::from(error).context(format!("looking at {name}")))?;
        if about.is_file() {
            files.push((name, about.len()));
        }
    }
    files.sort();
    Ok(files)
}

/// The counts of all files, each cut into pieces of so many bytes.
fn counted(files: &[(String, u64)], piece: u64) -> ObjectRef<Counts> {
    let mut parts = VecDeque::new();
    for (path, length) in files {
        let counting = count.options().name(format!("count {path}"));
        parts.extend(pieces(*length, piece).map(|bytes| counting.clone().remote(path.clone(), bytes)));
    }
    merge_tree(parts)
}

/// Cuts a file's bytes into pieces of `size`; an empty file has one piece as well.
fn pieces(length: u64, size: u64) -> impl Iterator<Item = Range<u64>> {
    let pieces = length.div_ceil(size).max(1);
    (0..pieces).map(move |piece| piece * size..((piece + 1) * size).min(length))
}

/// Merges the two oldest until one is left. Nothing is awaited: each merge starts when its arguments are there.
fn merge_tree(mut parts: VecDeque<ObjectRef<Counts>>) -> ObjectRef<Counts> {
    while parts.len() > 1 {
        let two = (parts.pop_front(), parts.pop_front());
        if let (Some(left), Some(right)) = two {
            parts.push_back(merge.remote(left, right));
        }
    }
    parts.pop_front().expect("each file has a piece")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/texts");

    #[rustyray::test]
    async fn wherever_the_files_are_cut_the_tree_of_tasks_finds_the_same() -> Result<()> {
        let files = text_files(TEXTS)?;
        let whole = counted(&files, u64::MAX).await?;
        assert!(whole.total() > 1000);
        for piece in [1000, 4096] {
            assert_eq!(counted(&files, piece).await?, whole, "in pieces of {piece} bytes");
        }
        Ok(())
    }

    #[rustyray::test]
    async fn a_file_that_is_not_there_fails_the_whole_and_is_named() {
        let mut files = text_files(TEXTS).unwrap();
        files.push((format!("{TEXTS}/nowhere.txt"), 10));
        let error = counted(&files, PIECE_BYTES).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DependencyFailed);
        assert!(format!("{error:#}").contains("nowhere.txt"), "{error:#}");
    }
}
