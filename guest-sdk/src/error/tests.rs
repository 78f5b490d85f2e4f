use super::*;
use crate::host::types;
use crate::task_error::local_error;

fn report() -> TaskError {
    TaskError {
        task: "parse".into(),
        attempt: 2,
        panic: Some("thread main panicked".into()),
        limit: Some(crate::bindings::rustyray::core::types::LimitReport { name: "fuel".into(), limit: 10, used: 11 }),
        causes: vec![types::ErrorCause {
            kind: types::ErrorKind::TaskFailed,
            task: "add".into(),
            message: "overflow".into(),
        }],
        ..local_error(types::ErrorKind::OutOfFuel, "no fuel left".into())
    }
}

#[test]
fn a_line_names_the_task_and_the_long_form_everything() {
    let error = Error::from_host(report()).context("reading");
    assert_eq!(error.to_string(), "reading");
    let long = format!("{error:#}");
    for part in ["parse: no fuel left", "out-of-fuel", "attempt 2", "add: overflow", "panicked", "used 11"] {
        assert!(long.contains(part), "{part:?} is missing in:\n{long}");
    }
    assert_eq!(long, format!("{error:?}"));
    assert_eq!((error.kind(), error.attempt()), (ErrorKind::OutOfFuel, Some(2)));
}

#[test]
fn a_failure_keeps_the_chain_of_our_own_error() {
    let failure = failure(Error::from_host(report()).context("reading"));
    assert_eq!(failure.message, "reading: parse: no fuel left");
    assert_eq!(failure.cause, Some(report()));
}

#[test]
fn a_failure_of_any_other_error_is_its_text() {
    let failed = failure("x".parse::<u8>().unwrap_err());
    assert_eq!((failed.message.as_str(), failed.cause), ("invalid digit found in string", None));
    assert_eq!(failure("plain").message, "plain");
}
