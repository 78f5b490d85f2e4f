//! `--timeline`: a file that the viewers read, whatever happens to the program.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde_json::Value;

use super::driver;
use super::process::{Running, end};

/// The events of a file, checked for what holds of every timeline.
fn events(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let events: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let mut ends: HashMap<(u64, u64), f64> = HashMap::new();
    let mut open: HashMap<(u64, u64), Vec<&Value>> = HashMap::new();
    let (mut arrows, mut heads) = (HashSet::new(), HashSet::new());
    for event in &events {
        let track = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
        let ts = event["ts"].as_f64().unwrap();
        let stack = open.entry(track).or_default();
        match event["ph"].as_str().unwrap() {
            "B" => {
                let wait = event["cat"] == "wait";
                assert_eq!(stack.len(), usize::from(wait), "a track has one task, and its wait: {event}");
                stack.push(event);
            }
            "E" => {
                let begin = stack.pop().unwrap_or_else(|| panic!("nothing has begun: {event}"));
                assert_eq!(begin["cat"], event["cat"], "waits end before their tasks");
            }
            "s" => assert!(arrows.insert(event["id"].as_u64().unwrap()), "{event}"),
            "f" => assert!(heads.insert(event["id"].as_u64().unwrap()), "{event}"),
            "i" | "M" => {}
            other => panic!("'{other}' is not of ours"),
        }
        if matches!(event["ph"].as_str(), Some("B" | "E")) {
            let last = ends.insert(track, ts).unwrap_or(0.0);
            assert!(ts >= last, "time goes back on {track:?}: {event}");
        }
    }
    assert_eq!(arrows, heads, "arrows have two ends");
    events
}

/// What has begun and not ended.
fn unfinished(events: &[Value]) -> usize {
    let count = |ph: &str| events.iter().filter(|event| event["ph"] == ph).count();
    count("B") - count("E")
}

fn of<'a>(events: &'a [Value], cat: &str, ph: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["cat"] == cat && event["ph"] == ph).collect()
}

#[test]
fn tasks_waits_and_arrows_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (path, driver) = (folder.path().join("t.json"), driver());
    end(["run", "--timeline", path.to_str().unwrap(), &driver, "--", "nap", "3", "5"]).expect(0, &[]);
    let events = events(&path);
    assert_eq!(unfinished(&events), 0);
    let names: Vec<_> = of(&events, "task", "B").iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| **name == "nap").count(), 3, "{names:?}");
    assert!(names.contains(&"main"));
    assert_eq!(of(&events, "submit", "s").len(), 3, "main submitted them");
    assert!(of(&events, "wait", "B").iter().any(|wait| wait["name"] == "waits for a task"));
    let ends = of(&events, "task", "E");
    assert!(ends.iter().all(|end| end["args"]["fuel"].as_u64().unwrap() > 0), "{ends:?}");
}

#[test]
fn actors_have_tracks_and_transfers_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let counter = rustyray_testkit::guest("counter").display().to_string();
    end(["run", "--timeline", path.to_str().unwrap(), &counter]).expect(0, &[]);
    let drawn = events(&path);
    assert_eq!(unfinished(&drawn), 0);
    let tracks: HashSet<_> = drawn.iter().filter(|event| event["pid"] == 2).map(|event| event["tid"].clone()).collect();
    let named = drawn.iter().filter(|event| event["name"] == "thread_name" && event["pid"] == 2).count();
    assert!(named > 0 && named == tracks.len() - 1, "each has a name, and one is the group's: {tracks:?}");
    let wordcount = rustyray_testkit::guest("wordcount").display().to_string();
    std::fs::write(folder.path().join("a.txt"), "one two two").unwrap();
    let grant = format!("{}::/texts:ro", folder.path().display());
    let (path, other) = (path.to_str().unwrap(), folder.path().join("t.json"));
    end(["run", "--timeline", path, "--dir", &grant, &wordcount]).expect(0, &[]);
    assert!(of(&events(&other), "transfer", "i").iter().any(|moved| moved["args"]["bytes"].as_u64().unwrap() > 0));
}

#[test]
fn it_is_whole_after_signals_and_failures() {
    let folder = tempfile::tempdir().unwrap();
    let (path, driver) = (folder.path().join("t.json"), driver());
    let file = path.to_str().unwrap();
    let running = |grace: &str| {
        let running = Running::start(["run", "--grace", grace, "--timeline", file, &driver, "--", "nap", "2", "60000"]);
        running.until("nap of");
        running.signal("INT");
        running.until("draining");
        running
    };
    running("10ms").end().expect(130, &[]);
    let drained = events(&path);
    assert_eq!(unfinished(&drained), 0, "it was ended in order");
    let twice = running("60s");
    twice.signal("INT");
    twice.end().expect(130, &[]);
    assert!(unfinished(&events(&path)) > 0, "it was ended at once, and what there was is there");
    end(["run", "--timeline", file, "--fuel", "50_000_000", &driver, "--", "loop"]).expect(122, &[]);
    assert_eq!(of(&events(&path), "task", "E")[0]["args"]["error"], "OutOfFuel");
}

#[test]
fn a_file_that_cannot_be_written_is_no_success() {
    let driver = driver();
    end(["run", "--timeline", "/nowhere/t.json", &driver, "--", "echo"]).expect(125, &["cannot write the timeline to"]);
    end(["run", "--timeline", "/dev/full", &driver, "--", "echo"]).expect(125, &["No space left"]);
}
