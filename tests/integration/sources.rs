//! The sources of this repository, for the tests that read them.

use std::path::{Path, PathBuf};

/// A file of Rust.
pub struct Source {
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    /// The code without its comments, where what it may not do may be spoken of.
    pub fn code(&self) -> String {
        let lines = self.text.lines();
        lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All that is in a folder of the repository, and in those below it.
pub fn below(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    gather(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "there is no source in {folder}");
    found
}

fn gather(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            gather(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push(Source { path, text });
        }
    }
}
