//! `--journal`: a run that is ended in the middle, and the same command once more.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustyray_host::Receipt;

use super::process::{Ended, Running, end, rustyray_host};
use rustyray_testkit::guest;

/// Numbers to square, and how many of them are done when the process is killed.
const COUNT: &str = "60";
const DONE: usize = 25;
/// Of the squares of 0 to 59.
const SUM: &str = "sum 70210";

/// The program of pure tasks with a journal, and its receipts.
fn squares<'a>(journal: &'a Path, receipts: &'a Path, module: &'a str) -> Vec<&'a str> {
    let (journal, receipts) = (journal.to_str().unwrap(), receipts.to_str().unwrap());
    vec!["run", "-v", "--journal", journal, "--receipts", receipts, module, "--", COUNT]
}

/// The tasks that gave a value, as (run, taken from the journal). A killed process may leave half a line, which is none.
fn tasks(path: &Path) -> (HashSet<String>, HashSet<String>) {
    let text = fs::read_to_string(path).unwrap();
    let receipts = text.lines().filter_map(|line| serde_json::from_str::<Receipt>(line).ok());
    let squares = receipts.filter(|receipt| receipt.error.is_none() && &*receipt.function == "square");
    let (kept, run): (Vec<_>, Vec<_>) = squares.partition(|receipt| receipt.memo);
    let names = |receipts: Vec<Receipt>| receipts.iter().map(|receipt| receipt.task.to_string()).collect();
    (names(run), names(kept))
}

fn sum(ended: &Ended) -> &str {
    ended.out().lines().last().unwrap_or_default()
}

#[test]
fn after_a_kill_the_same_command_goes_on_and_does_no_finished_pure_task_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, module) = (folder.path().join("journal"), guest("journal").display().to_string());
    let [first, second, third] = ["1", "2", "3"].map(|run| folder.path().join(run));
    let mut running = Running::start(squares(&journal, &first, &module));
    (0..DONE).for_each(|n| assert_eq!(running.line(), format!("{n} done\n")));
    // Receipts are written by a thread of their own, a moment later.
    let begun = Instant::now();
    while tasks(&first).0.len() < DONE {
        assert!(begun.elapsed() < Duration::from_secs(60), "receipts are missing: {:?}", tasks(&first));
        std::thread::yield_now();
    }
    running.signal("KILL");
    assert_eq!(running.end().code, None, "ended by the signal");
    let (finished, none) = tasks(&first);
    assert!(none.is_empty(), "{finished:?}");

    let ended = end(squares(&journal, &second, &module));
    assert_eq!(sum(ended.expect(0, &[])), SUM);
    let (run, kept) = tasks(&second);
    assert!(run.is_disjoint(&finished), "done twice: {:?}", run.intersection(&finished));
    assert!(kept.is_superset(&finished));
    assert_eq!(run.len() + kept.len(), 60);

    let ended = end(squares(&journal, &third, &module));
    assert_eq!(sum(ended.expect(0, &["61 done (60 from the journal)"])), SUM);
    assert!(tasks(&third).0.is_empty());
}

#[test]
fn of_a_journal_that_was_cut_off_or_damaged_at_its_end_the_last_task_alone_runs_again() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, module) = (folder.path().join("journal"), guest("journal").display().to_string());
    let receipts = folder.path().join("receipts");
    end(squares(&journal, &receipts, &module)).expect(0, &[]);
    let segment = journal.join("segment-00000001");
    let whole = fs::read(&segment).unwrap();
    let flipped = |back: usize| {
        let mut bytes = whole.clone();
        bytes[whole.len() - back] ^= 1;
        bytes
    };
    let torn = [1, 40, 98].map(|cut| whole[..whole.len() - cut].to_vec());
    for damaged in torn.into_iter().chain([1, 34, 90].map(flipped)) {
        fs::write(&segment, damaged).unwrap();
        let ended = end(squares(&journal, &receipts, &module));
        assert_eq!(sum(ended.expect(0, &["was damaged, or cut off", "at 1 place"])), SUM);
        assert_eq!(tasks(&receipts).0, HashSet::from(["square of 59".to_owned()]));
    }
}

#[test]
fn a_named_actor_goes_on_from_its_checkpoint_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, module) = (folder.path().join("journal"), guest("checkpoints").display().to_string());
    let run = ["run", "--journal", journal.to_str().unwrap(), &module, "--"];
    let mut running = Running::start([&run[..], &["2", "wait"]].concat());
    assert_eq!(running.line(), "has []\n");
    assert_eq!(running.line(), "kept [0]\n");
    assert_eq!(running.line(), "kept [0, 1]\n");
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    let ended = end([&run[..], &["1"]].concat());
    assert_eq!(ended.expect(0, &[]).out(), "has [0, 1]\nkept [0, 1, 0]\n");
    assert_eq!(end([&run[..], &["0"]].concat()).out(), "has [0, 1, 0]\n");
}

#[test]
fn a_journal_in_use_is_an_error_and_no_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, module) = (folder.path().join("journal"), guest("checkpoints").display().to_string());
    let run = ["run", "--journal", journal.to_str().unwrap(), &module, "--"];
    let mut running = Running::start([&run[..], &["0", "wait"]].concat());
    assert_eq!(running.line(), "has []\n");
    end(run).expect(125, &["the journal '", "another process uses it"]);
    running.signal("KILL");
    running.end();
    end(["run", "--journal", "/proc/none", &module]).expect(125, &["the journal '/proc/none' cannot be used"]);
    let small = ["run", "--journal", journal.to_str().unwrap(), "--journal-limit", "1KiB", &module];
    end(small).expect(125, &["1024 bytes are too few"]);
    end(["run", "--journal-limit", "1MiB", &module]).expect(2, &["--journal"]);
}

#[test]
fn what_is_kept_is_shown() {
    let shown = end(["inspect", &guest("checkpoints").display().to_string()]);
    assert!(shown.out().contains("checkpoint_every=3 max_restarts=10\n"), "{}", shown.out());
    assert!(shown.out().contains("checkpoint max_restarts=10\n"), "{}", shown.out());
    let shown = end(["inspect", &guest("journal").display().to_string()]);
    assert!(shown.out().contains("square(n: u64) -> u64\n      The square, and"), "{}", shown.out());
    assert!(shown.out().contains("      pure\n"), "{}", shown.out());
    let shown = end(["inspect", "--json", &guest("journal").display().to_string()]);
    assert!(shown.out().contains("\"pure\": true"), "{}", shown.out());
}

#[test]
fn call_keeps_results_too() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, module) = (folder.path().join("journal"), guest("journal").display().to_string());
    let call = ["call", "--journal", journal.to_str().unwrap(), &module, "square", "12"];
    let ended = end(call);
    assert_eq!(ended.expect(0, &["squaring 12"]).out(), "144\n");
    let ended = end(call);
    assert_eq!(ended.expect(0, &[]).out(), "144\n");
    assert!(!ended.stderr.contains("squaring"), "{}", ended.stderr);
}

/// The system's limit on the size of files stands for a disk that is full: writing fails in the same place. It holds for
/// what the engine keeps in memory files as well, so the journal is made larger than those first.
#[test]
fn on_a_full_disk_work_goes_on_with_one_warning() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, module) = (folder.path().join("journal"), guest("journal").display().to_string());
    let flags = ["--no-cache", "--journal", journal.to_str().unwrap()];
    end([&["call"], &flags[..], &["--raw", &module, "make_bytes", "16000000"]].concat()).expect(0, &[]);
    let host = rustyray_host([&["run"], &flags[..], &[&module, "--", COUNT]].concat());
    let length = || fs::metadata(journal.join("segment-00000001")).unwrap().len();
    let limited = |blocks: &str| {
        let mut shell = std::process::Command::new("sh");
        // A signal that is ignored stays so in what is executed. A block has 512 or 1,024 bytes.
        shell.args(["-c", &format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
        shell.arg(host.get_program()).args(host.get_args());
        let output = shell.output().unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        assert_eq!(stdout.lines().last(), Some(SUM));
        stderr
    };
    let before = length();
    let stderr = limited("8192");
    assert_eq!(stderr.matches("cannot write to the journal").count(), 1, "{stderr}");
    assert_eq!(length(), before);
    let stderr = limited("unlimited");
    assert!(!stderr.contains("cannot write") && !stderr.contains("damaged"), "{stderr}");
    assert!(length() > before);
}
