//! A guest that no test uses is dead weight, or a test that was forgotten.

use std::path::Path;

#[test]
fn every_guest_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String = ["all", "../host/tests", "alone"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(root.join(folder)).into_iter().flatten())
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .collect();
    for entry in std::fs::read_dir(root.join("guests/src/bin")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(sources.contains(&format!("\"{name}\"")), "no test uses the guest {name}");
    }
}
