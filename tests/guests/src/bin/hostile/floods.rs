//! Floods of output, errors and values.

use std::io::Write;

use rustyray::prelude::*;

/// Prints lines.
#[rustyray::remote]
fn lines() {
    loop {
        println!("another line of a flood");
    }
}

/// Prints one line that never ends.
#[rustyray::remote]
fn endless_line() {
    loop {
        print!("and so on, ");
    }
}

/// Writes what is no text, to standard error.
#[rustyray::remote]
fn no_text() {
    let bytes = [0xff; 4096];
    loop {
        let _ = std::io::stderr().write_all(&bytes);
    }
}

/// Logs at each level.
#[rustyray::remote]
fn log_lines() {
    loop {
        warn!("careful");
        info!("by the way");
    }
}

/// Logs a line of this many bytes.
#[rustyray::remote]
fn long_line(bytes: usize) {
    info!("{}", "x".repeat(bytes));
}

/// Prints, logs and fails with this text.
#[rustyray::remote]
fn says(text: String) -> std::result::Result<(), String> {
    println!("{text}");
    eprintln!("{text}");
    info!("{text}");
    Err(text)
}

/// Fails with a text of this many bytes.
#[rustyray::remote]
fn long_error(bytes: usize) -> std::result::Result<(), String> {
    Err("e".repeat(bytes))
}

/// Panics with a text of this many bytes.
#[rustyray::remote]
fn long_panic(bytes: usize) {
    panic!("{}", "p".repeat(bytes))
}

/// Stores values and drops them at once.
#[rustyray::remote]
fn values(bytes: usize) -> Result<()> {
    let value = vec![7u8; bytes];
    loop {
        drop(rustyray::blocking_put(value.clone()));
    }
}
