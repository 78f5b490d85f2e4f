//! What is to be done with the files of a journal and takes as long as a disk does: whoever does it holds up nobody who writes or reads.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::segment::Segment;

/// What is left to do. The lock of the folder is held as long as anybody may do it.
pub struct Chores {
    dir: PathBuf,
    /// Held as long as the journal is open; the system lets go of it when the process ends, however it does.
    _lock: File,
    todo: Mutex<Todo>,
    /// Whoever finds another one at it waits for that: it may be what that one does.
    doing: Mutex<()>,
}

#[derive(Default)]
struct Todo {
    /// Files of which the disk may not have all.
    written: Vec<Arc<Segment>>,
    /// Is there a file that the folder may not have after a power failure?
    new_file: bool,
    /// Files that are to go, after the disk has what was written from them.
    gone: Vec<Arc<Segment>>,
    /// Somebody is about to remove some.
    removing: bool,
}

impl Chores {
    pub(super) fn new(dir: PathBuf, lock: File) -> Self {
        Chores { dir, _lock: lock, todo: Mutex::default(), doing: Mutex::default() }
    }

    /// Something was written to this file.
    pub(super) fn note_written(&self, segment: &Arc<Segment>) {
        let mut todo = self.todo.lock();
        if !todo.written.iter().any(|written| Arc::ptr_eq(written, segment)) {
            todo.written.push(segment.clone());
        }
    }

    /// This file is new.
    pub(super) fn note_new(&self, segment: &Arc<Segment>) {
        self.note_written(segment);
        self.todo.lock().new_file = true;
    }

    /// Nobody needs this file any more, once the disk has the others.
    pub(super) fn note_gone(&self, segment: Arc<Segment>) {
        self.todo.lock().gone.push(segment);
    }

    /// Was something written that a power failure may take?
    pub fn are_there(&self) -> bool {
        let todo = self.todo.lock();
        todo.new_file || !todo.written.is_empty() || !todo.gone.is_empty()
    }

    /// Are there files that are to go, and are not gone yet?
    pub fn has_gone(&self) -> bool {
        let todo = self.todo.lock();
        todo.removing || !todo.gone.is_empty()
    }

    /// Has the disk keep what was written so far, and removes what nobody needs any more.
    ///
    /// # Errors
    /// The disk's own; what it did not do is left to do.
    pub fn run(&self) -> io::Result<()> {
        let _doing = self.doing.lock();
        let mut todo = self.take();
        let done = self.run_all(&mut todo);
        if done.is_err() {
            self.put_back(todo);
        }
        self.todo.lock().removing = false;
        done
    }

    fn take(&self) -> Todo {
        let mut todo = self.todo.lock();
        let taken = std::mem::take(&mut *todo);
        todo.removing = !taken.gone.is_empty();
        taken
    }

    fn run_all(&self, todo: &mut Todo) -> io::Result<()> {
        for segment in &todo.written {
            segment.sync()?;
        }
        if todo.new_file {
            // Or a power failure could take the file with all that is written to it.
            File::open(&self.dir)?.sync_all()?;
        }
        (todo.written, todo.new_file) = (Vec::new(), false);
        while let Some(gone) = todo.gone.pop() {
            if let Err(error) = gone.remove() {
                todo.gone.push(gone);
                return Err(error);
            }
        }
        Ok(())
    }

    fn put_back(&self, left: Todo) {
        left.written.iter().for_each(|segment| self.note_written(segment));
        let mut todo = self.todo.lock();
        todo.new_file |= left.new_file;
        todo.gone.extend(left.gone);
    }
}
