//! A journal that is closed, cut off, damaged and full.

use super::*;
use crate::state::object::payload::Encoding;
use crate::types::limits::JOURNAL_BYTES;

fn key(n: u32) -> Key {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&n.to_le_bytes());
    Key(key)
}

fn entry(kind: Kind, n: u32, data: Vec<u8>) -> Entry {
    Entry { kind, key: key(n), payload: Payload::new(Encoding::Raw, data) }
}

fn memo(n: u32) -> Entry {
    entry(Kind::Memo, n, vec![n as u8; 100 + n as usize])
}

fn open(dir: &Path) -> Journal {
    Journal::open(dir, JOURNAL_BYTES).unwrap()
}

/// The memos that are there and whole.
fn kept(journal: &Journal) -> Vec<u32> {
    let whole = |n: &u32| journal.read(&key(*n)).is_some_and(|payload| payload.data == memo(*n).payload.data);
    (0..50).filter(whole).collect()
}

fn folder_with(count: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    (0..count).for_each(|n| journal.append(&[memo(n)]).unwrap());
    folder
}

fn bytes_of(folder: &Path) -> Vec<u8> {
    std::fs::read(segment::path(folder, 1)).unwrap()
}

#[test]
fn what_was_written_is_there_without_a_sync_and_later_records_follow() {
    let folder = folder_with(10);
    let mut journal = open(folder.path());
    assert_eq!(kept(&journal), (0..10).collect::<Vec<_>>());
    journal.append(&(5..20).map(memo).collect::<Vec<_>>()).unwrap();
    let length = bytes_of(folder.path()).len();
    drop(journal);
    let mut journal = open(folder.path());
    assert_eq!(kept(&journal), (0..20).collect::<Vec<_>>());
    journal.append(&[memo(7)]).unwrap();
    assert_eq!(bytes_of(folder.path()).len(), length, "a result that is there is not written again");
}

#[test]
fn of_an_end_that_was_cut_off_only_the_last_record_is_dropped() {
    let folder = folder_with(10);
    let whole = bytes_of(folder.path());
    let last = memo(9).stored_bytes() as usize;
    for cut in 1..=last {
        std::fs::write(segment::path(folder.path(), 1), &whole[..whole.len() - cut]).unwrap();
        let mut journal = open(folder.path());
        assert_eq!(kept(&journal), (0..9).collect::<Vec<_>>(), "{cut} bytes cut off");
        journal.append(&[memo(9)]).unwrap();
        drop(journal);
        assert_eq!(kept(&open(folder.path())), (0..10).collect::<Vec<_>>(), "{cut} bytes cut off, and written again");
    }
}

#[test]
fn of_an_end_with_wrong_bytes_only_the_last_record_is_dropped() {
    let folder = folder_with(10);
    let whole = bytes_of(folder.path());
    let last = memo(9).stored_bytes() as usize;
    for at in 1..=last {
        let mut damaged = whole.clone();
        damaged[whole.len() - at] ^= 0x55;
        std::fs::write(segment::path(folder.path(), 1), &damaged).unwrap();
        let mut journal = open(folder.path());
        assert_eq!(kept(&journal), (0..9).collect::<Vec<_>>(), "byte {at} from the end");
        journal.append(&[memo(9)]).unwrap();
        assert_eq!(kept(&journal), (0..10).collect::<Vec<_>>());
    }
}

#[test]
fn damage_anywhere_drops_the_record_that_it_hit_alone() {
    let folder = folder_with(10);
    let whole = bytes_of(folder.path());
    let head = 32;
    for at in head..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x80;
        std::fs::write(segment::path(folder.path(), 1), &damaged).unwrap();
        let journal = open(folder.path());
        assert_eq!(kept(&journal).len(), 9, "byte {at}");
    }
    std::fs::write(segment::path(folder.path(), 1), [&whole[..], &[0; 5000]].concat()).unwrap();
    assert_eq!(kept(&open(folder.path())).len(), 10, "zeros at the end");
}

#[test]
fn a_file_without_a_whole_head_is_put_aside() {
    for length in [0, 1, 31] {
        let folder = folder_with(3);
        let whole = bytes_of(folder.path());
        std::fs::write(segment::path(folder.path(), 1), &whole[..length]).unwrap();
        let mut journal = open(folder.path());
        assert!(kept(&journal).is_empty());
        journal.append(&[memo(1)]).unwrap();
        drop(journal);
        assert_eq!(kept(&open(folder.path())), [1]);
        assert!(folder.path().join(DAMAGED).exists());
    }
}

#[test]
fn a_second_writer_and_another_format_are_refused() {
    let folder = folder_with(1);
    let first = open(folder.path());
    assert!(matches!(Journal::open(folder.path(), JOURNAL_BYTES), Err(JournalError::InUse)));
    drop(first);
    assert!(matches!(Journal::open(folder.path(), 1), Err(JournalError::TooSmall(1))));
    let mut bytes = bytes_of(folder.path());
    bytes[8] = 9;
    let check = record::Salt([0; 16]).hash(&[&bytes[..28]]);
    bytes[28..32].copy_from_slice(&check[..4]);
    std::fs::write(segment::path(folder.path(), 1), &bytes).unwrap();
    assert!(matches!(Journal::open(folder.path(), JOURNAL_BYTES), Err(JournalError::OtherVersion(9))));
}

#[test]
fn a_full_journal_drops_its_oldest_results_and_no_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    let state = |version: u8| entry(Kind::Checkpoint, u32::MAX, vec![version; 500]);
    journal.append(&[state(1)]).unwrap();
    journal.append(&[state(2)]).unwrap();
    let count = 2_000;
    for n in 0..count {
        journal.append(&[entry(Kind::Memo, n, vec![n as u8; 200])]).unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        assert!(files.sum::<u64>() <= JOURNAL_BYTES_MIN, "after {n}");
    }
    let there: Vec<u32> = (0..count).filter(|n| journal.index().has(&key(*n))).collect();
    assert!(there.len() > 50, "{} are there", there.len());
    assert_eq!(there, (count - there.len() as u32..count).collect::<Vec<_>>(), "the newest");
    drop(journal);
    let journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    assert_eq!(journal.read(&key(u32::MAX)).unwrap().data, vec![2; 500], "the newest checkpoint");
    assert_eq!((0..count).filter(|n| journal.read(&key(*n)).is_some()).count(), there.len());
}

#[test]
fn checkpoints_beyond_their_share_are_dropped_from_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    let count = 1_000;
    for n in 0..count {
        journal.append(&[entry(Kind::Checkpoint, n, vec![n as u8; 500])]).unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len());
        assert!(files.sum::<u64>() <= JOURNAL_BYTES_MIN, "after {n}");
    }
    // A half of each file is there for others, so that not every record begins a new one.
    assert!(journal.segments.back().unwrap().number < count as u64 / 20);
    drop(journal);
    let journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    let there = (0..count).filter(|n| journal.read(&key(*n)).is_some()).collect::<Vec<_>>();
    assert!(there.len() > 40 && there.contains(&(count - 1)) && there[0] > count / 2, "{there:?}");
}

#[test]
fn a_journal_has_a_bound_of_records_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    journal.segment_records = 10;
    (0..100).for_each(|n| journal.append(&[entry(Kind::Memo, n, Vec::new())]).unwrap());
    assert!(journal.index.0.lock().len() <= 20);
    assert!(journal.index.has(&key(99)) && !journal.index.has(&key(50)));
}

#[test]
fn what_is_larger_than_a_quarter_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    journal.append(&[entry(Kind::Memo, 1, vec![0; 20 << 10]), memo(2)]).unwrap();
    assert!(!journal.index.has(&key(1)) && journal.index.has(&key(2)));
}

#[test]
fn a_journal_goes_on_when_a_new_file_could_not_be_made_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    let large = |n: u32| entry(Kind::Memo, n, vec![n as u8; JOURNAL_BYTES_MIN as usize / 16]);
    // A folder stands where the file would.
    let obstacle = segment::path(folder.path(), 2);
    std::fs::create_dir(&obstacle).unwrap();
    let written = (0..100).take_while(|n| journal.append(&[large(*n)]).is_ok()).count() as u32;
    assert!((1..20).contains(&written), "{written}");
    assert!(journal.append(&[large(50)]).is_err() && journal.read(&key(50)).is_none());
    assert!((0..written).all(|n| journal.read(&key(n)).is_some()));
    std::fs::remove_dir(&obstacle).unwrap();
    for n in 50..80 {
        journal.append(&[large(n)]).unwrap();
        assert!(journal.read(&key(n)).is_some(), "{n}");
    }
    drop(journal);
    assert!(Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap().read(&key(79)).is_some());
}
