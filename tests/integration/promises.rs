//! README.md and SECURITY.md name the tests that hold each promise. A name there is the name of a test.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of the table under this heading, without its head, each as its promise and what holds it.
fn rows(file: &str, heading: &str) -> Vec<(String, String)> {
    let text = read(file);
    let section = text.split_once(heading).unwrap_or_else(|| panic!("{file} has no '{heading}'")).1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let (promise, held) = row.trim_matches('|').rsplit_once(" | ").unwrap_or_else(|| panic!("one column: {row}"));
        (promise.trim().to_owned(), held.to_owned())
    })
    .collect()
}

/// Where the links of a text lead.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0)).collect()
}

/// What is written as code.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn has_tests(path: &Path) -> bool {
    if path.is_dir() {
        return std::fs::read_dir(path).unwrap().any(|entry| has_tests(&entry.unwrap().path()));
    }
    // A test without a harness is a program.
    std::fs::read_to_string(path).is_ok_and(|text| text.contains("test]\n") || path.ends_with("soak/main.rs"))
}

/// Is there a test of this name in the text, which does something?
fn is_a_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let Some(at) = lines.iter().position(|line| line.contains(&format!("fn {name}("))) else { return false };
    // Other attributes may stand between.
    let is_test = lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| line.contains("test]"));
    let is_ignored =
        lines[..at].iter().rev().take_while(|line| line.starts_with("#[")).any(|line| line.contains("ignore"));
    let first = lines[at + 1..].iter().find(|line| !line.is_empty() && !line.starts_with("//"));
    is_test && !is_ignored && !lines[at].ends_with('}') && first.is_some_and(|line| !line.starts_with('}'))
}

#[test]
fn a_test_that_does_nothing_holds_no_promise() {
    let text = |attributes: &str, body: &str| format!("{attributes}\nfn it_holds() {{\n{body}\n}}\n");
    assert!(is_a_test(&text("#[test]", "    assert!(true);"), "it_holds"));
    assert!(is_a_test(&text("#[tokio::test]\n#[cfg(unix)]", "    // Why.\n    works();"), "it_holds"));
    assert!(!is_a_test(&text("#[test]", "    // Later."), "it_holds"));
    assert!(!is_a_test("#[test]\nfn it_holds() {}\n", "it_holds"));
    assert!(!is_a_test(&text("#[test]\n#[ignore]", "    works();"), "it_holds"));
    assert!(!is_a_test(&text("/// No test.", "    works();"), "it_holds"));
    assert!(!is_a_test(&text("#[test]", "    works();"), "it_held"));
}

#[test]
fn each_file_that_the_architecture_names_is_there() {
    let sources = ["host", "guest-sdk", "tests"].iter().flat_map(|folder| crate::sources::below(folder));
    let paths: Vec<String> = sources.map(|source| source.path.display().to_string()).collect();
    let text = read("ARCHITECTURE.md");
    let names: Vec<&str> = code(&text).filter(|code| code.ends_with(".rs")).collect();
    assert!(names.len() > 80, "{} files are named", names.len());
    for name in names {
        let end = format!("/{name}");
        assert!(paths.iter().any(|path| path.ends_with(&end)), "ARCHITECTURE.md names {name}, which is nowhere");
    }
}

#[test]
fn each_promise_of_the_readme_has_tests() {
    let rows = rows("README.md", "## Promises, and the tests that hold them");
    assert!(rows.len() > 20, "{} promises", rows.len());
    for (promise, held) in rows {
        let links = links(&held);
        assert!(!links.is_empty(), "nothing holds: {promise}");
        for link in links {
            assert!(has_tests(&root().join(link)), "{link} has no tests, and is to hold: {promise}");
        }
    }
}

#[test]
fn each_test_that_is_named_exists() {
    let mut named = 0;
    let promised = rows("README.md", "## Promises, and the tests that hold them");
    for (promise, held) in rows("SECURITY.md", "## What is promised").into_iter().chain(promised) {
        let mut file = None;
        for name in code(&held) {
            match name {
                "regressions" => file = Some("tests/regressions/tests/regressions.rs".to_owned()),
                name if name.starts_with("host/") => file = Some(name.to_owned()),
                name if name.contains('/') => file = Some(format!("tests/{name}")),
                // A link, which tells where it is.
                name if name.ends_with(".rs") || held.contains(&format!("[`{name}`]")) => file = None,
                name => {
                    let file = file.as_ref().unwrap_or_else(|| panic!("in which file is {name}, of: {promise}"));
                    assert!(is_a_test(&read(file), name), "{file} has no test {name}, which is to hold: {promise}");
                    named += 1;
                }
            }
        }
    }
    assert!(named > 50, "{named} tests are named");
}
