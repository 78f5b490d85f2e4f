//! Floods of output, errors and values.

use rustyray_host::limits::{ERROR_TEXT_MAX, LOG_LINE_MAX};
use rustyray_host::{ErrorKind, TaskOptions};

use crate::arena::attack;
use rustyray_testkit::census::peak_memory;

#[test]
fn output_of_every_sort() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        for task in ["floods::lines", "floods::endless_line", "floods::no_text", "floods::log_lines"] {
            let options = TaskOptions::new().output_bytes(100_000);
            let error = arena.outlive(&module.task(task).options(options)).await;
            assert_eq!(error.kind, ErrorKind::LimitExceeded, "{task}: {error:#}");
            assert_eq!(error.limit.unwrap().name, "output-bytes");
        }
        arena.flush().await;
        assert!(arena.lines.lines().iter().all(|line| line.text.len() <= LOG_LINE_MAX));
    });
}

/// What drives a terminal, hides what follows, or looks like a line of the host's.
const RUDE: &str = "\u{1b}[2J\u{9b}2Jfine\r\nerror: forged\u{202e}\u{7}";

#[test]
fn text_that_drives_a_terminal() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        let says = module.task("floods::says").arg(RUDE.repeat(2_000));
        let error = arena.outlive(&says).await;
        arena.flush().await;
        let lines = arena.lines.lines();
        assert!(lines.iter().any(|line| line.text.contains("forged")));
        for line in lines {
            assert!(line.text.len() <= LOG_LINE_MAX, "{}", line.text.len());
            assert!(line.text.chars().all(|c| c == '\t' || !c.is_control() && c != '\u{202e}'), "{:?}", line.text);
        }
        let shown = format!("{error:#}");
        assert!(shown.contains("forged") && !shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("error")), "{shown}");
    });
}

#[test]
fn texts_without_end() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        // Each is cut; if the host kept what it cut off, it would keep a gigabyte.
        let mut held = Vec::new();
        for _ in 0..30 {
            let failed = module.task("floods::long_error").arg(40_000_000usize).submit().await;
            let error = arena.end_of(&failed).await;
            assert_eq!((error.kind, error.message.len()), (ErrorKind::TaskFailed, ERROR_TEXT_MAX));
            held.push(failed);
        }
        let panicked = module.task("floods::long_panic").arg(10_000_000usize).submit().await;
        let error = arena.end_of(&panicked).await;
        assert!(error.message.len() <= ERROR_TEXT_MAX && error.panic.as_ref().unwrap().len() <= ERROR_TEXT_MAX);
        let logged = module.task("floods::long_line").arg(10_000_000usize).submit().await;
        arena.value(&logged, None).await.unwrap();
        arena.flush().await;
        assert!(arena.lines.lines().iter().all(|line| line.text.len() <= LOG_LINE_MAX));
        arena.neighbour.works_on().await;
        assert!(peak_memory() < 1 << 30, "{}", peak_memory());
    });
}

#[test]
fn values_that_nobody_keeps() {
    attack(async |arena| {
        let module = arena.load("hostile").await;
        arena.endure(&module.task("floods::values").arg(1_000_000usize), "values").await;
    });
}
