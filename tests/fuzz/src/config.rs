//! Configuration: what a user writes on the command line, from single amounts to the host that they describe.

use clap::Parser;
use rustyray_host::NetGrant;

use cli::console::Console;
use cli::{amounts, host_args};

/// The files of the command line that read what a host is to be like. They are a part of a program, which has no library.
#[path = "../../../host/src/cli"]
#[allow(dead_code)]
mod cli {
    pub mod amounts;
    pub mod cache;
    pub mod console;
    pub mod exit;
    pub mod failure;
    pub mod grants;
    pub mod host_args;
    pub mod paint;
}

/// Flags that make folders and files wherever they are told to: they are read here, and not followed.
const WRITING: [&str; 2] = ["--journal", "--spill"];

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    host: host_args::HostArgs,
}

/// The first byte chooses what the text is read as; a line of a command line is an argument.
pub fn run(input: &[u8]) {
    let Some((choice, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match choice % 8 {
        0 => a_size(text),
        1 => {
            let _ = amounts::time(text);
        }
        2 => assert!(amounts::fuel(text).is_ok_and(|fuel| fuel > 0) || amounts::fuel(text).is_err()),
        3 => assert!(amounts::cpus(text).is_ok_and(|cpus| cpus > 0.0) || amounts::cpus(text).is_err()),
        4 => a_resource(text),
        5 => a_net(text),
        _ => a_command_line(text),
    }
}

/// A size in bytes is that size; what a guest may have is one that it can have.
fn a_size(text: &str) {
    if let Ok(bytes) = amounts::size(text) {
        assert_eq!(amounts::size(&bytes.to_string()), Ok(bytes));
    }
    if let Ok(bytes) = amounts::memory(text) {
        assert!((1..=rustyray_host::limits::MEMORY_BYTES_MAX).contains(&bytes));
    }
    if let Ok(count) = amounts::instances(text) {
        assert_eq!(amounts::instances(&count.to_string()), Ok(count));
    }
}

fn a_resource(text: &str) {
    if let Ok((name, amount)) = amounts::resource(text) {
        assert!(!name.is_empty() && amount.is_finite() && amount >= 0.0);
    }
}

/// A grant is what it is written as: errors name it, and whoever reads one can grant it.
fn a_net(text: &str) {
    if let Ok(grant) = NetGrant::parse(text) {
        assert_eq!(NetGrant::parse(&grant.to_string()), Ok(grant));
    }
}

/// What describes a host makes one, or is refused.
fn a_command_line(text: &str) {
    let arguments: Vec<&str> = text.lines().filter(|line| *line != "--no-cache").collect();
    let Ok(line) = Line::try_parse_from(["run", "--no-cache"].iter().chain(&arguments)) else {
        return;
    };
    if arguments.iter().any(|argument| WRITING.iter().any(|flag| argument.starts_with(flag))) {
        return;
    }
    if let Ok(builder) = line.host.builder(&Console::new(true, 0)) {
        drop(builder.build());
    }
}
