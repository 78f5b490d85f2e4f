//! Whoever reads what the command writes may fall asleep: that stops neither deadlines nor signals nor the end.

use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::driver;
use super::process::rustyray_host;
use rustyray_testkit::guest;

/// Far more than anything here takes, and far less than for ever.
const LONGEST: Duration = Duration::from_secs(60);

/// A process of whose output nothing is read before it has ended.
struct Unread(Child);

impl Unread {
    fn start<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut command = rustyray_host(arguments);
        Unread(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Waits until something could be read, and leaves it there.
    fn until_it_writes(&self, to_stderr: bool) -> &Self {
        let (stdout, stderr) = (self.0.stdout.as_ref().unwrap(), self.0.stderr.as_ref().unwrap());
        let stream = if to_stderr { stderr.as_fd() } else { stdout.as_fd() };
        assert_eq!(poll(&mut [PollFd::from_borrowed_fd(stream, PollFlags::IN)], None), Ok(1));
        self
    }

    /// Waits until one of its threads does nothing but wait for somebody at the other end of a pipe.
    fn until_it_opens_a_pipe(&self) -> &Self {
        let opens = |thread: std::fs::DirEntry| {
            let waits_in = std::fs::read_to_string(thread.path().join("wchan")).unwrap_or_default();
            waits_in == "wait_for_partner" || waits_in == "fifo_open"
        };
        let tasks = format!("/proc/{}/task", self.0.id());
        let began = std::time::Instant::now();
        while !std::fs::read_dir(&tasks).unwrap().flatten().any(opens) {
            assert!(began.elapsed() < LONGEST, "it opens no pipe");
            std::thread::yield_now();
        }
        self
    }

    fn signal(&self, name: &str) -> &Self {
        let kill = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self
    }

    /// How it ended, soon, and what there is to read of it.
    fn end(self) -> (Option<i32>, String, String) {
        let Unread(mut child) = self;
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, ended) = mpsc::channel();
        let id = child.id();
        std::thread::spawn(move || sender.send(child.wait().unwrap().code()));
        let code = ended.recv_timeout(LONGEST).unwrap_or_else(|_| {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            panic!("it has not ended after {LONGEST:?}");
        });
        let (mut out, mut err) = (String::new(), String::new());
        stdout.read_to_string(&mut out).unwrap();
        stderr.read_to_string(&mut err).unwrap();
        (code, out, err)
    }
}

#[test]
fn a_deadline_ends_a_task_whose_lines_nobody_reads() {
    let driver = driver();
    let (code, _, err) = Unread::start(["call", "--timeout", "1s", &driver, "prints", "100000"]).end();
    assert_eq!(code, Some(124), "{}", err.lines().last().unwrap_or_default());
    assert!(err.contains("line 0 of a task that has a lot to say"));
}

#[test]
fn a_signal_ends_it_as_well() {
    // Two of the same might come as one.
    for (grace, signals, codes) in [("10ms", &["INT"][..], &[130][..]), ("1h", &["INT", "TERM"], &[130, 143])] {
        let driver = driver();
        let running = Unread::start(["call", "--grace", grace, &driver, "prints", "100000"]);
        running.until_it_writes(true);
        for signal in signals {
            running.signal(signal);
        }
        let code = running.end().0.unwrap();
        assert!(codes.contains(&code), "{code}");
    }
}

#[test]
fn a_signal_ends_what_waits_for_whoever_reads_its_result() {
    let (driver, long) = (driver(), "x".repeat(100_000));
    let running = Unread::start(["call", &driver, "greet", &long]);
    running.until_it_writes(false).signal("TERM");
    assert_eq!(running.end().0, Some(143));
}

#[test]
fn a_second_signal_ends_a_driver_whose_output_nobody_reads() {
    let driver = driver();
    let running = Unread::start(["run", "--grace", "1h", &driver, "--", "flood", "100000"]);
    running.until_it_writes(false).signal("INT").until_it_writes(true).signal("INT");
    let (code, out, err) = running.end();
    assert_eq!(code, Some(130), "{err}");
    assert!(out.starts_with("line 0\n"));
}

#[test]
fn a_program_ends_though_nobody_reads_what_its_tasks_say() {
    let driver = driver();
    let (code, out, err) = Unread::start(["run", &driver, "--", "nap", "4000", "1"]).end();
    assert_eq!((code, out.as_str()), (Some(0), "begins\nends\n"));
    assert!(err.contains("nap of 1"));
}

#[test]
fn a_reader_that_comes_late_gets_every_line() {
    let driver = driver();
    let mut running = Unread::start(["call", &driver, "prints", "100000"]);
    running.until_it_writes(true);
    let stderr = BufReader::new(running.0.stderr.replace(empty()).unwrap());
    let lines: Vec<String> = stderr.lines().map(Result::unwrap).collect();
    assert_eq!(lines.len(), 100_000, "{:?}", lines.last());
    assert!((0..).zip(&lines).all(|(number, line)| line.contains(&format!("line {number} of"))));
    let (code, out, _) = running.end();
    assert_eq!((code, out.as_str()), (Some(0), "100000\n"));
}

/// The standard error of something that says nothing.
fn empty() -> std::process::ChildStderr {
    let mut silent = Command::new("true").stderr(Stdio::piped()).spawn().unwrap();
    let stderr = silent.stderr.take().unwrap();
    silent.wait().unwrap();
    stderr
}

#[test]
fn receipts_that_a_pipe_does_not_take_keep_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("receipts");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (driver, path) = (driver(), pipe.display().to_string());
    let running = Unread::start(["run", "--receipts", &path, &driver, "--", "nap", "2000", "1"]);
    let reader = std::fs::File::open(&pipe).unwrap();
    // It reads nothing.
    let (code, out, err) = running.end();
    assert_eq!((code, out.as_str()), (Some(125), "begins\nends\n"), "{err}");
    assert!(err.contains("is it a pipe that nobody reads?"), "{err}");
    drop(reader);
}

#[test]
fn a_signal_ends_what_writes_stubs_to_a_pipe_that_nobody_opens() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("stubs.rs");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (driver, path) = (driver(), pipe.display().to_string());
    let running = Unread::start(["stubs", &driver, "-o", &path]);
    running.until_it_opens_a_pipe().signal("INT");
    let (code, _, err) = running.end();
    assert_eq!(code, Some(130), "{err}");
}

#[test]
fn a_file_that_may_not_grow_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let (driver, journal) = (guest("journal"), folder.path().join("journal"));
    let command = format!(
        "ulimit -f 0; exec {} call --journal {} {} square 7",
        env!("CARGO_BIN_EXE_rustyray-host"),
        journal.display(),
        driver.display()
    );
    let output = Command::new("bash").args(["-c", &command]).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code().is_some(), "{:?}: {err}", output.status);
    assert!(err.contains("File too large"), "{err}");
}
