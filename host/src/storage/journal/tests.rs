//! A journal that is closed, cut off, damaged and full.

use super::*;
use crate::state::object::payload::{Encoding, Payload};
use crate::types::limits::JOURNAL_BYTES;

fn key(n: u32) -> Key {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&n.to_le_bytes());
    Key(key)
}

fn entry(kind: Kind, n: u32, data: Vec<u8>) -> Entry {
    Entry { kind, key: key(n), owner: Owner(1), payload: Payload::new(Encoding::Raw, data) }
}

fn memo(n: u32) -> Entry {
    entry(Kind::Memo, n, vec![n as u8; 100 + n as usize])
}

fn open(dir: &Path) -> Journal {
    Journal::open(dir, JOURNAL_BYTES).unwrap()
}

/// The memos that are there and whole.
fn kept(journal: &Journal) -> Vec<u32> {
    let whole = |n: &u32| journal.files().read(&key(*n)).is_some_and(|payload| payload.data == memo(*n).payload.data);
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
    let there: Vec<u32> = (0..count).filter(|n| journal.files().has(&key(*n))).collect();
    assert!(there.len() > 50, "{} are there", there.len());
    assert_eq!(there, (count - there.len() as u32..count).collect::<Vec<_>>(), "the newest");
    journal.chores().run().unwrap();
    drop(journal);
    let journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    assert_eq!(journal.files().read(&key(u32::MAX)).unwrap().data, vec![2; 500], "the newest checkpoint");
    assert_eq!((0..count).filter(|n| journal.files().read(&key(*n)).is_some()).count(), there.len());
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
    assert!(journal.newest.segment.number < count as u64 / 20);
    drop(journal);
    let journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    let there = (0..count).filter(|n| journal.files().read(&key(*n)).is_some()).collect::<Vec<_>>();
    assert!(there.len() > 40 && there.contains(&(count - 1)) && there[0] > count / 2, "{there:?}");
}

#[test]
fn a_journal_has_a_bound_of_records_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    journal.sizes.records = 10;
    (0..100).for_each(|n| journal.append(&[entry(Kind::Memo, n, Vec::new())]).unwrap());
    assert!(journal.files().index.len() <= 20);
    assert!(journal.files().has(&key(99)) && !journal.files().has(&key(50)));
}

#[test]
fn what_is_larger_than_a_quarter_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    journal.append(&[entry(Kind::Memo, 1, vec![0; 20 << 10]), memo(2)]).unwrap();
    assert!(!journal.files().has(&key(1)) && journal.files().has(&key(2)));
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
    assert!(journal.append(&[large(50)]).is_err() && journal.files().read(&key(50)).is_none());
    assert!((0..written).all(|n| journal.files().read(&key(n)).is_some()));
    std::fs::remove_dir(&obstacle).unwrap();
    for n in 50..80 {
        journal.append(&[large(n)]).unwrap();
        assert!(journal.files().read(&key(n)).is_some(), "{n}");
    }
    drop(journal);
    assert!(Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap().files().read(&key(79)).is_some());
}

/// What another owner than [`entry`]'s has: ten results, and a state.
fn others() -> Vec<Entry> {
    let memos = (1_000_000..1_000_010).map(|n| entry(Kind::Memo, n, vec![n as u8; 200]));
    let state = entry(Kind::Checkpoint, 2_000_000, vec![9; 500]);
    memos.chain([state]).map(|entry| Entry { owner: Owner(2), ..entry }).collect()
}

/// All of it is there and whole.
fn keeps_others(journal: &Journal) -> bool {
    let files = journal.files();
    others().iter().all(|entry| files.read(&entry.key).is_some_and(|payload| payload.data == entry.payload.data))
}

fn total_bytes(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn who_has_no_more_than_its_share_loses_nothing_for_one_who_has_more_in_one_process_or_many() {
    for restarts_after in [u32::MAX, 37] {
        let folder = tempfile::tempdir().unwrap();
        let open = || Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
        let mut journal = open();
        journal.append(&others()).unwrap();
        for n in 0..2_000 {
            let memo = entry(Kind::Memo, n, vec![n as u8; 300]);
            let bytes = memo.stored_bytes();
            journal.append(&[memo]).unwrap();
            journal.carry_for(bytes).unwrap();
            assert!(total_bytes(folder.path()) <= JOURNAL_BYTES_MIN, "after {n}");
            if n % restarts_after == restarts_after - 1 {
                drop(journal);
                journal = open();
            }
        }
        assert!(keeps_others(&journal));
        // The other one has its newest.
        assert!((1_950..2_000).all(|n| journal.files().has(&key(n))) && !journal.files().has(&key(1_500)));
        drop(journal);
        assert!(keeps_others(&open()));
    }
}

#[test]
fn of_three_owners_none_has_less_than_its_part_of_what_is_shared_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    let of = |owner: u32, n: u32| Entry { owner: Owner(owner), ..entry(Kind::Memo, owner << 20 | n, vec![1; 300]) };
    for owner in [2, 3] {
        (0..100).for_each(|n| journal.append(&[of(owner, n)]).unwrap());
    }
    (0..2_000).for_each(|n| journal.append(&[of(1, n)]).unwrap());
    for owner in [2, 3] {
        let kept: Vec<u32> = (0..100).filter(|n| journal.files().has(&of(owner, *n).key)).collect();
        // A third of the part that is carried over, five eighths of a file.
        let share = (journal.sizes.bytes * 5 / 8 / 3 / of(owner, 0).stored_bytes()) as usize;
        assert!(kept.len() + 1 >= share && kept.len() <= share, "{} of {share}", kept.len());
        assert_eq!(kept, (100 - kept.len() as u32..100).collect::<Vec<_>>(), "the newest");
    }
}

#[test]
fn states_of_one_owner_are_not_lost_for_anothers_however_many_those_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    journal.append(&others()[10..]).unwrap();
    for n in 0..1_000 {
        journal.append(&[entry(Kind::Checkpoint, n, vec![n as u8; 500])]).unwrap();
    }
    assert_eq!(journal.files().read(&key(2_000_000)).unwrap().data, vec![9; 500]);
}

#[test]
fn an_end_at_any_moment_loses_nothing_that_is_to_be_carried_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    journal.append(&others()).unwrap();
    let (mut files_seen, mut carried) = (Vec::new(), 0);
    for n in 0..400 {
        journal.append(&[entry(Kind::Memo, n, vec![n as u8; 400])]).unwrap();
        // No more than a record at a time, so that there are many moments.
        journal.carry_over(1).unwrap();
        carried += journal.carry.as_ref().map_or(0, Carry::records);
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap()) {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        files_seen.push(std::fs::read_dir(copy.path()).unwrap().count() - 1);
        let mut again = Journal::open(copy.path(), JOURNAL_BYTES_MIN).unwrap();
        assert!(keeps_others(&again) && again.files().has(&key(n)), "after {n}");
        (1_000..1_200).for_each(|n| again.append(&[entry(Kind::Memo, n, vec![n as u8; 400])]).unwrap());
        assert!(keeps_others(&again), "after {n}, and what came then");
    }
    assert!(carried > 10 && files_seen.iter().max() == Some(&3), "{carried} {files_seen:?}");
}

#[test]
fn a_file_is_removed_when_the_disk_has_what_was_written_of_it_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    let chores = journal.chores();
    let mut n = 0;
    while !chores.has_gone() {
        journal.append(&[entry(Kind::Memo, n, vec![1; 300])]).unwrap();
        n += 1;
    }
    assert!(segment::path(folder.path(), 1).exists() && journal.files().with_segments(|segments| segments.len()) == 2);
    chores.run().unwrap();
    assert!(!segment::path(folder.path(), 1).exists() && !chores.are_there());
    // Where nobody does it the journal does, before it would be too large.
    for n in n..n + 1_000 {
        journal.append(&[entry(Kind::Memo, n, vec![1; 300])]).unwrap();
        assert!(total_bytes(folder.path()) <= JOURNAL_BYTES_MIN, "after {n}");
    }
}

#[test]
fn a_limit_that_is_lower_than_before_costs_no_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), 16 * JOURNAL_BYTES_MIN).unwrap();
    journal.append(&others()).unwrap();
    let mut n = 0;
    while journal.files().with_segments(|segments| segments.len()) < 2 || journal.newest.length < 2 * JOURNAL_BYTES_MIN
    {
        journal.append(&[entry(Kind::Memo, n, vec![1; 300])]).unwrap();
        n += 1;
    }
    drop(journal);
    let mut journal = Journal::open(folder.path(), JOURNAL_BYTES_MIN).unwrap();
    (n..n + 500).for_each(|n| journal.append(&[entry(Kind::Memo, n, vec![1; 300])]).unwrap());
    assert_eq!(journal.files().read(&key(2_000_000)).unwrap().data, vec![9; 500]);
    assert!(total_bytes(folder.path()) <= JOURNAL_BYTES_MIN);
}

#[test]
fn a_file_of_the_first_version_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    let unowned = Entry { owner: Owner(0), ..memo(1) };
    journal.append(&[unowned]).unwrap();
    drop(journal);
    let mut bytes = bytes_of(folder.path());
    bytes[8] = 1;
    let check = record::Salt([0; 16]).hash(&[&bytes[..28]]);
    bytes[28..32].copy_from_slice(&check[..4]);
    std::fs::write(segment::path(folder.path(), 1), &bytes).unwrap();
    assert_eq!(kept(&open(folder.path())), [1]);
}
