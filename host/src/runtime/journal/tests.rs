//! Whose record is written or read next, without the threads: each step is taken by the test.

use std::path::Path;

use futures::channel::oneshot::Receiver;

use super::*;
use crate::state::object::payload::Encoding;
use crate::storage::journal::{Kind, Owner};
use crate::types::limits::{JOURNAL_BYTES, JOURNAL_STEP_BYTES};

fn entry(owner: u32, number: u32, bytes: usize) -> Entry {
    let payload = Payload::new(Encoding::Raw, vec![number as u8; bytes]);
    Entry { kind: Kind::Memo, key: key(owner, number), owner: Owner(owner), payload }
}

fn key(owner: u32, number: u32) -> Key {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&owner.to_le_bytes());
    key[4..8].copy_from_slice(&number.to_le_bytes());
    Key(key)
}

/// A journal whose threads are steps.
struct Steps {
    writer: Writer,
    keeping: Line<Keeping>,
    finder: Finder,
    finding: Line<Finding>,
    chores: Arc<crate::storage::journal::Chores>,
    files: Arc<Files>,
}

impl Steps {
    fn of(folder: &Path) -> Self {
        let journal = Journal::open(folder, JOURNAL_BYTES).unwrap();
        let (files, chores) = (journal.files(), journal.chores());
        let writer = Writer::new(journal, Arc::default(), Voice::direct());
        let finder = Finder::new(files.clone(), Voice::direct());
        Steps { writer, keeping: Line::default(), finder, finding: Line::default(), chores, files }
    }

    fn keep(&self, owner: u32, number: u32, bytes: usize) -> Receiver<()> {
        let (done, kept) = oneshot::channel();
        self.keeping.ask(u64::from(owner), Keeping { entry: entry(owner, number, bytes), done });
        kept
    }

    fn find(&self, owner: u32, number: u32) -> Receiver<Option<Payload>> {
        let (done, found) = oneshot::channel();
        self.finding.ask(u64::from(owner), Finding::new(u64::from(owner), key(owner, number), done));
        found
    }

    fn write(&mut self) {
        assert!(self.writer.serve_some(&self.keeping));
    }

    fn read(&self) {
        assert!(self.finder.serve_one(&self.finding));
    }
}

fn is_done<T>(answer: &mut Receiver<T>) -> bool {
    answer.try_recv().is_ok_and(|answer| answer.is_some())
}

fn done<T>(answers: &mut [Receiver<T>]) -> usize {
    // One that was answered before hears that nothing more comes.
    answers.iter_mut().map(Receiver::try_recv).filter(|answer| !matches!(answer, Ok(None))).count()
}

const LARGE: usize = 3 * JOURNAL_STEP_BYTES;

#[test]
fn a_small_record_waits_for_one_large_one_of_each_other_owner() {
    let folder = tempfile::tempdir().unwrap();
    let mut steps = Steps::of(folder.path());
    let mut large: Vec<_> = (0..20).map(|number| steps.keep(1, number, LARGE)).collect();
    let mut small = steps.keep(2, 0, 10);
    steps.write();
    assert_eq!((done(&mut large), is_done(&mut small)), (1, false));
    steps.write();
    assert_eq!((done(&mut large), is_done(&mut small)), (1, true));
    (0..19).for_each(|_| steps.write());
    assert_eq!(done(&mut large), 20);
}

#[test]
fn small_records_of_all_are_written_together_up_to_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut steps = Steps::of(folder.path());
    let mut small: Vec<_> = (0..300).map(|number| steps.keep(number % 3, number, 5 << 10)).collect();
    steps.write();
    let first = done(&mut small);
    assert!((190..=205).contains(&first), "{first}");
    steps.write();
    assert_eq!(done(&mut small), 300);
}

#[test]
fn who_reads_waits_for_nobody_who_writes_and_for_one_step_of_each_other_owner() {
    let folder = tempfile::tempdir().unwrap();
    let mut steps = Steps::of(folder.path());
    let _kept = [steps.keep(1, 0, LARGE), steps.keep(1, 1, LARGE), steps.keep(2, 0, 10)];
    (0..3).for_each(|_| steps.write());
    let _written_later: Vec<_> = (10..30).map(|number| steps.keep(1, number, LARGE)).collect();
    let mut large = [steps.find(1, 0), steps.find(1, 1)];
    steps.read();
    let mut small = steps.find(2, 0);
    steps.read();
    assert!(!is_done(&mut small), "the first owner's turn had begun");
    steps.read();
    assert!(is_done(&mut small) && !is_done(&mut large[0]));
    // Of one owner's the second is not begun before the first is there.
    (0..2).for_each(|_| steps.read());
    assert_eq!(large.each_mut().map(is_done), [true, false]);
    (0..4).for_each(|_| steps.read());
    assert!(is_done(&mut large[1]));
}

#[test]
fn who_is_gone_is_not_read_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut steps = Steps::of(folder.path());
    let _kept = [steps.keep(1, 0, LARGE), steps.keep(1, 1, 10)];
    (0..2).for_each(|_| steps.write());
    drop(steps.find(1, 0));
    let mut stays = steps.find(1, 1);
    (0..2).for_each(|_| steps.read());
    assert!(is_done(&mut stays));
}

#[test]
fn who_writes_does_not_wait_for_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut steps = Steps::of(folder.path());
    let mut kept = steps.keep(1, 0, 10);
    steps.write();
    assert!(is_done(&mut kept) && steps.chores.are_there(), "another thread is to see to that");
    steps.chores.run().unwrap();
    assert!(!steps.chores.are_there() && steps.files.has(&key(1, 0)));
}

#[test]
fn what_was_asked_for_before_the_end_is_written_and_read() {
    let folder = tempfile::tempdir().unwrap();
    let handle = JournalHandle::start(Journal::open(folder.path(), JOURNAL_BYTES).unwrap(), Voice::direct()).unwrap();
    let (done, kept) = oneshot::channel();
    handle.keeping.ask(1, Keeping { entry: entry(1, 0, LARGE), done });
    handle.close();
    handle.join();
    assert_eq!(futures::executor::block_on(kept), Ok(()));
    assert!(futures::executor::block_on(handle.find(1, key(1, 0))).is_none(), "nobody reads any more");
    drop(handle);
    let again = JournalHandle::start(Journal::open(folder.path(), JOURNAL_BYTES).unwrap(), Voice::direct()).unwrap();
    let found = futures::executor::block_on(again.find(1, key(1, 0))).expect("it was kept");
    assert_eq!(found.data, vec![0; LARGE]);
}
