//! Runs the example on its guest: the site is crawled whole, and the other server stays alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn guest() -> PathBuf {
    let release = home().join("../../target/wasm32-wasip2/release");
    let path = std::env::var_os("RUSTYRAY_GUESTS").map_or(release, PathBuf::from).join("crawler-guest.wasm");
    assert!(path.exists(), "guest crawler-guest is not built: run `make guests`");
    path
}

/// What it prints, and the map that it draws.
fn crawl(flags: &[&str]) -> (String, String) {
    let picture = tempfile::tempdir().expect("a folder");
    let mut crawler = Command::new(env!("CARGO_BIN_EXE_crawler"));
    let output = crawler.args(flags).arg(guest()).arg(picture.path()).output().expect("the example starts");
    assert!(output.status.success(), "{output:?}");
    let map = fs::read_to_string(picture.path().join("map.svg")).expect("the map is there");
    (String::from_utf8_lossy(&output.stdout).into_owned(), map)
}

/// The text with one port instead of whichever it was.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "127.0.0.1:1" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn it_crawls_what_was_granted_and_reaches_nothing_else() {
    let readme = fs::read_to_string(home().join("README.md")).expect("the README is there");
    let (_, block) = readme.split_once("```text\n").expect("it shows the output");
    let (expected, _) = block.split_once("```").expect("the block ends");
    let (text, map) = crawl(&[]);
    assert_eq!(without_ports(&text), without_ports(expected));
    assert!(text.ends_with("the other server was asked 0 times\n"), "{text}");
    assert_eq!(map, fs::read_to_string(home().join("picture/map.svg")).expect("it is in the README"));
}

/// So that the server's silence says something.
#[test]
fn it_reaches_the_other_server_once_that_is_granted_too() {
    let (text, map) = crawl(&["--grant-both"]);
    let refused = text.lines().filter(|line| line.contains("refused")).collect::<Vec<_>>();
    assert_eq!(refused.len(), 2, "{text}");
    assert!(refused.iter().all(|line| line.contains("example.org")), "{text}");
    assert!(text.ends_with("the other server was asked 1 times\n") && map.contains(">The ferry<"), "{text}");
}

#[test]
fn without_its_guest_it_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_crawler")).arg("nowhere.wasm").output().expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("crawler: nowhere.wasm cannot be loaded: "), "{error}");
    assert_eq!(output.status.code(), Some(1));
}
