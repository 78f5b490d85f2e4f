//! A guest that no test or benchmark uses is dead weight, or a test that was forgotten.

use std::path::Path;

/// All that the files of a folder say.
fn text_below(folder: &Path) -> String {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { text_below(&path) } else { std::fs::read_to_string(path).unwrap() }).collect()
}

#[test]
fn every_guest_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String =
        ["integration", "leaks", "budgets", "adversarial", "soak", "../host/cli/tests", "../host/cli/benches"]
            .iter()
            .map(|folder| text_below(&root.join(folder)))
            .collect();
    for entry in std::fs::read_dir(root.join("guests/src/bin")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(sources.contains(&format!("\"{name}\"")), "no test uses the guest {name}");
    }
}
