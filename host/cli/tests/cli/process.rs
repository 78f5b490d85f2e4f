//! The command line as a child process.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// How a process ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// Standard output as text.
    pub fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Fails unless it ended with this code and said these words on standard error.
    pub fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no '{word}' in: {}", self.stderr);
        }
        self
    }
}

/// The command, with a cache of its own, so that tests leave nothing behind in the user's.
pub fn rustyray_host<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustyray-host"));
    command
        .args(arguments)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub fn end<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ended {
    end_of(&mut rustyray_host(arguments))
}

/// The same for a command that was put together elsewhere.
pub fn end_of(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended { code: output.status.code(), stdout: output.stdout, stderr: String::from_utf8(output.stderr).unwrap() }
}

/// A process that runs, whose output is read as it comes.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: JoinHandle<String>,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Running {
    /// Starts the command.
    pub fn start<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Running::of(rustyray_host(arguments))
    }

    /// The same of a command that was put together elsewhere.
    pub fn of(mut command: Command) -> Self {
        command.stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        let stderr = std::thread::spawn(move || {
            let lines = stderr.lines().map(Result::unwrap).inspect(|line| {
                let _ = sender.send(line.clone());
            });
            lines.collect::<Vec<_>>().join("\n")
        });
        Running { child, stdout, stderr, lines }
    }

    /// Waits until a line of standard error contains this.
    pub fn until(&self, words: &str) {
        let found = self.lines.iter().any(|line| line.contains(words));
        assert!(found, "it ended without saying '{words}'");
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// The next line of standard output.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    /// The processes that it has started.
    pub fn children(&self) -> Vec<u32> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let of =
            |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let lists: Vec<String> = threads.filter_map(Result::ok).map(of).collect();
        lists.iter().flat_map(|list| list.split_whitespace()).map(|child| child.parse().unwrap()).collect()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Closes its standard output, and waits for its end.
    pub fn hang_up(self) -> Ended {
        let Running { child, stdout, stderr, .. } = self;
        drop(stdout);
        ended(child, stderr, Vec::new())
    }

    /// Waits for its end. Of standard output there is what has not been read yet.
    pub fn end(self) -> Ended {
        let Running { child, mut stdout, stderr, .. } = self;
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).unwrap();
        ended(child, stderr, rest)
    }
}

fn ended(mut child: Child, stderr: JoinHandle<String>, stdout: Vec<u8>) -> Ended {
    Ended { stdout, stderr: stderr.join().unwrap(), code: child.wait().unwrap().code() }
}
