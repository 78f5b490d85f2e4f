//! `bench`.

use serde_json::Value;

use super::driver;
use super::process::{Running, end};

#[test]
fn a_task_is_measured() {
    let driver = driver();
    let flags =
        ["bench", "--json", "--duration", "400ms", "--warmup", "0s", "--concurrency", "4", &driver, "add", "1", "2"];
    let report: Value = serde_json::from_str(end(flags).expect(0, &[]).out()).unwrap();
    assert_eq!(report["task"], "add(a: i32, b: i32) -> i32");
    let number = |of: &str, what: &str| report[of][what].as_f64().unwrap_or_else(|| panic!("no {of}.{what}: {report}"));
    let steps = ["min_ns", "p50_ns", "p90_ns", "p99_ns", "max_ns"].map(|step| number("latency", step));
    assert!(steps.is_sorted() && steps[0] > 0.0, "{report}");
    let buckets = report["latency"]["histogram"].as_array().unwrap();
    let counted: f64 = buckets.iter().map(|bucket| bucket[1].as_f64().unwrap()).sum();
    assert!(counted > 0.0 && counted == number("latency", "calls"), "{report}");
    assert_eq!(number("throughput", "concurrency"), 4.0);
    assert!(number("throughput", "per_second") > 0.0 && number("fuel", "min") > 100.0, "{report}");
    assert!(report["memory_peak_bytes"].as_u64().unwrap() >= 64 << 10, "{report}");
    assert_eq!((&report["errors"], &report["interrupted"]), (&0.into(), &false.into()));
}

#[test]
fn people_see_a_histogram() {
    let driver = driver();
    let ended = end(["bench", "--duration", "200ms", "--warmup", "0s", &driver, "greet", "Ada"]);
    let sheet = ended.expect(0, &[]).out();
    for words in
        ["greet(name: String) -> String", "latency, one at a time", "p99", "█", "in flight", "fuel a call", "MiB"]
    {
        assert!(sheet.contains(words), "no '{words}' in: {sheet}");
    }
}

#[test]
fn a_task_that_fails_is_not_measured() {
    let driver = driver();
    let ended = end(["bench", &driver, "refuse"]);
    assert_eq!(ended.expect(1, &["not today"]).out(), "");
    end(["bench", &driver, "add", "1"]).expect(2, &["takes 2 arguments"]);
    end(["bench", &driver, "ad", "1"]).expect(2, &["did you mean 'add'?"]);
}

#[test]
fn an_interruption_shows_what_there_is() {
    let driver = driver();
    let running = Running::start(["bench", "-v", "--duration", "1h", "--warmup", "0s", &driver, "add", "1", "2"]);
    running.until("note: measuring");
    running.signal("INT");
    let ended = running.end();
    assert!(ended.expect(130, &[]).out().contains("(it was interrupted)"), "{ended:?}");
}

#[test]
fn an_interruption_before_there_is_anything_is_one_too() {
    let driver = driver();
    let running = Running::start(["bench", "--json", "--grace", "10ms", &driver, "nap", "3600000"]);
    running.until("nap of 3600000");
    running.signal("TERM");
    let ended = running.end();
    let report: Value = serde_json::from_str(ended.expect(143, &["the time to finish is over"]).out()).unwrap();
    assert_eq!((&report["interrupted"], &report["latency"]["calls"]), (&true.into(), &0.into()));
}

#[test]
fn an_interruption_measures_no_refusal() {
    let driver = driver();
    let running = Running::start(["bench", "-v", "--duration", "1h", "--warmup", "0s", &driver, "rest", "300"]);
    running.until("note: measuring");
    running.signal("INT");
    let ended = running.end();
    assert!(!ended.expect(130, &[]).out().contains("errors:"), "{ended:?}");
}
