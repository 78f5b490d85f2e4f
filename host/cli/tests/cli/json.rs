//! `--json`: what scripts read.

use rustyray_host::Receipt;
use serde_json::Value;

use super::driver;
use super::process::{Ended, end};

/// The last line of standard error.
fn ending(ended: &Ended) -> Value {
    let last = ended.stderr.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn a_run_tells_how_it_ended() {
    let driver = driver();
    let ended = end(["run", "--json", &driver, "--", "nap", "3", "1"]);
    assert_eq!(ended.expect(0, &[]).out(), "begins\nends\n", "the program's own");
    let line = ending(&ended);
    assert_eq!((&line["exit"], &line["succeeded"], &line["error"]), (&0.into(), &4.into(), &Value::Null));

    let ended = end(["run", "--json", "--fuel", "50_000_000", &driver, "--", "loop"]);
    let line = ending(ended.expect(122, &[]));
    assert_eq!((&line["exit"], &line["failed"]), (&122.into(), &1.into()));
    assert_eq!(line["error"]["task"]["kind"], "OutOfFuel");
    assert_eq!(line["error"]["hint"], "raise it with --fuel");

    let ended = end(["run", "--json", &driver, "--", "connect", "127.0.0.1:1"]);
    let line = ending(ended.expect(1, &[]));
    assert_eq!((&line["exit"], &line["refused"][0]), (&1.into(), &"net:127.0.0.1:1".into()));
}

#[test]
fn a_call_has_its_value_and_its_receipt_on_one_line() {
    let driver = driver();
    let ended = end(["call", "--json", &driver, "add", "2", "3"]);
    let lines: Vec<&str> = ended.expect(0, &[]).out().lines().collect();
    let [line] = lines[..] else { panic!("{lines:?}") };
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["task"], &line["value"]), (&"add".into(), &5.into()));
    let receipt: Receipt = serde_json::from_value(line["receipt"].clone()).unwrap();
    assert!(receipt.fuel_used > 0 && &*receipt.function == "add", "{receipt:?}");

    let ended = end(["call", "--json", &driver, "rude"]);
    assert!(ended.expect(0, &[]).out().contains(r#""value":"\u001b[2J\u009b2J\u202e""#), "{ended:?}");
    let ended = end(["call", "--json", &driver, "refuse"]);
    assert_eq!(ended.expect(1, &[]).out(), "");
    assert_eq!(ending(&ended)["error"]["task"]["message"], "not today");
    end(["call", "--json", "--raw", &driver, "add"]).expect(2, &["cannot be used with"]);
}

#[test]
fn what_fails_before_anything_runs_is_a_line_too() {
    for arguments in [
        vec!["run", "--json", "/nowhere.wasm"],
        vec!["inspect", "--json", "/nowhere.wasm"],
        vec!["compile", "--json", "/nowhere.wasm"],
        vec!["bench", "--json", "/nowhere.wasm", "add"],
    ] {
        let ended = end(arguments);
        let line = ending(ended.expect(120, &[]));
        assert_eq!(line["exit"], 120, "{line}");
        assert!(line["error"]["text"].as_str().unwrap().contains("/nowhere.wasm"), "{line}");
    }
}
