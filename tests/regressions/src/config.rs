//! Configuration: what a user writes on the command line and in `rustyray.toml`.

use rustyray_host::NetGrant;

use rustyray_cli::config::document;
use rustyray_cli::{grant_syntax, units};

/// The first byte chooses what the text is read as.
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
            let _ = units::time(text);
        }
        2 => assert!(units::fuel(text).is_ok_and(|fuel| fuel > 0) || units::fuel(text).is_err()),
        3 => assert!(units::cpus(text).is_ok_and(|cpus| cpus > 0.0) || units::cpus(text).is_err()),
        4 => a_resource(text),
        5 => {
            a_net(text);
            let _ = (grant_syntax::folder(text), grant_syntax::variable(text), grant_syntax::chance(text));
        }
        _ => a_file(text),
    }
}

/// A size in bytes is that size; what a guest may have is one that it can have.
fn a_size(text: &str) {
    if let Ok(bytes) = units::size(text) {
        assert_eq!(units::size(&bytes.to_string()), Ok(bytes));
    }
    if let Ok(bytes) = units::memory(text) {
        assert!((1..=rustyray_host::limits::MEMORY_BYTES_MAX).contains(&bytes));
    }
    if let Ok(count) = units::instances(text) {
        assert_eq!(units::instances(&count.to_string()), Ok(count));
    }
}

fn a_resource(text: &str) {
    if let Ok((name, amount)) = units::resource(text) {
        assert!(!name.is_empty() && amount.is_finite() && amount >= 0.0);
    }
}

/// A grant is what it is written as: errors name it, and whoever reads one can grant it.
fn a_net(text: &str) {
    if let Ok(grant) = NetGrant::parse(text) {
        assert_eq!(NetGrant::parse(&grant.to_string()), Ok(grant));
    }
}

/// What is wrong with a file is shown in its place.
fn a_file(text: &str) {
    if let Err(fault) = document::parse(text) {
        assert!(text.get(fault.span.clone()).is_some(), "{fault:?} is not in the text");
        assert!(!fault.text.is_empty());
    }
}
