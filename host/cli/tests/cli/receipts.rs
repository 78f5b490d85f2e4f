//! `--receipts`.

use rustyray_host::{ErrorKind, Receipt};

use super::driver;
use super::process::end;

fn read(path: &std::path::Path) -> Vec<Receipt> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_finished_task_leaves_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("receipts.jsonl");
    std::fs::write(&path, "of another run\n").unwrap();
    let (driver, file) = (driver(), path.to_str().unwrap());
    end(["run", "--receipts", file, &driver, "--", "nap", "3", "1"]).expect(0, &[]);
    let receipts = read(&path);
    let (main, naps) = receipts.split_last().unwrap();
    assert_eq!((&*main.task, &*main.module, main.parent), ("main", "driver", None));
    assert_eq!(naps.len(), 3);
    for nap in naps {
        assert_eq!((&*nap.task, nap.parent, nap.error), ("nap", Some(main.task_id), None));
    }
}

#[test]
fn what_was_ended_leaves_a_line_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("receipts.jsonl");
    let (driver, file) = (driver(), path.to_str().unwrap());
    let flags = ["--timeout", "100ms", "--receipts", file];
    end([&["run"], &flags[..], &[&driver, "--", "loop"]].concat()).expect(124, &[]);
    let errors: Vec<_> = read(&path).iter().map(|receipt| receipt.error).collect();
    assert_eq!(errors, [Some(ErrorKind::TaskTimedOut)]);
}

#[test]
fn a_full_disk_is_told_and_is_no_success() {
    let driver = driver();
    let full = ["run", "--receipts", "/dev/full", &driver, "--"];
    let ended = end([&full[..], &["nap", "3", "1"]].concat());
    ended.expect(125, &["No space left", "4 receipts are missing", "hint: make room"]);
    assert_eq!(ended.out(), "begins\nends\n", "the work is done all the same");
    end([&full[..], &["fail"]].concat()).expect(1, &["1 receipts are missing"]);
}
