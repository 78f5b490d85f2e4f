//! A task's result, on standard output.

use std::borrow::Cow;

use rustix::io::Errno;
use rustyray_host::{Encoding, Payload, Receipt};
use serde::Serialize;
use serde::de::IgnoredAny;

use super::console::Console;
use super::escape::escaped;
use super::exit::Exit;
use super::failure::Failure;
use super::may_block::may_block;
use super::streams::write_all;

/// Prints a result as JSON; bytes are a list of numbers. With `raw`, bytes and texts are written as they are.
///
/// # Errors
/// It is not JSON, or it cannot be written.
pub fn print(result: &Payload, raw: bool, console: &Console) -> Result<(), Failure> {
    if !result.references.is_empty() {
        console.line(&format!(
            "{} the result refers to objects or actors, which are shown as numbers and end with the host",
            console.colour().bold("hint:")
        ));
    }
    match (result.encoding, raw) {
        (Encoding::Raw, true) => write_out(&result.data),
        (Encoding::Raw, false) => write_out(format!("{:?}\n", &result.data[..]).as_bytes()),
        (Encoding::Json, true) => match serde_json::from_slice::<String>(&result.data) {
            Ok(text) => write_out(text.as_bytes()),
            Err(_) => write_json(&result.data),
        },
        (Encoding::Json, false) => write_json(&result.data),
        (Encoding::Bincode, _) => Err(not_json("it came as bincode")),
    }
}

/// Prints a result and the receipt of its task as a line of JSON.
///
/// # Errors
/// It is not JSON, or it cannot be written.
pub fn print_with_receipt(task: &str, result: &Payload, receipt: Option<&Receipt>) -> Result<(), Failure> {
    let value = match result.encoding {
        Encoding::Raw => format!("{:?}", &result.data[..]),
        Encoding::Json => checked(&result.data)?.replace(['\n', '\r'], " "),
        Encoding::Bincode => return Err(not_json("it came as bincode")),
    };
    let as_json = |error| Failure::host(format!("cannot write this as JSON: {error}"));
    let name = serde_json::to_string(task).map_err(as_json)?;
    let receipt = serde_json::to_string(&receipt).map_err(as_json)?;
    let line = format!("{{\"task\":{name},\"value\":{value},\"receipt\":{receipt}}}");
    write_out(format!("{}\n", escaped(&line)).as_bytes())
}

fn write_json(data: &[u8]) -> Result<(), Failure> {
    write_out(format!("{}\n", checked(data)?).as_bytes())
}

/// A guest's JSON, as it can be shown.
fn checked(data: &[u8]) -> Result<Cow<'_, str>, Failure> {
    let text = std::str::from_utf8(data).map_err(not_json)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(not_json)?;
    Ok(escaped(text.trim()))
}

fn not_json(reason: impl std::fmt::Display) -> Failure {
    Failure::host(format!("the task's result is not JSON: {reason}"))
        .hint("build the module with the feature `json` of the SDK, which is on by default")
}

/// Writes a value as a line of JSON to standard output.
///
/// # Errors
/// It cannot be written.
pub fn write_json_line(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value);
    let line = line.map_err(|error| Failure::host(format!("cannot write this as JSON: {error}")))?;
    write_out(format!("{}\n", escaped(&line)).as_bytes())
}

/// Writes to standard output.
///
/// # Errors
/// It cannot be written. Whoever closed it has read enough, so that is said by the exit code alone.
pub fn write_out(bytes: &[u8]) -> Result<(), Failure> {
    // A reader may take nothing for as long as it likes.
    let _ends_at_a_signal = may_block();
    match write_all(rustix::stdio::stdout(), bytes) {
        Ok(()) => Ok(()),
        Err(Errno::PIPE) => Err(Failure::silent(Exit::PipeClosed)),
        Err(error) => Err(Failure::host(format!("cannot write to standard output: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped_and_means_the_same() {
        let json = "\"a\u{9b}2J\u{7f}\u{202e}ä\"";
        let safe = escaped(json);
        assert_eq!(safe, "\"a\\u009b2J\\u007f\\u202eä\"");
        let read = |text: &str| serde_json::from_str::<String>(text).unwrap();
        assert_eq!(read(&safe), read(json));
    }
}
