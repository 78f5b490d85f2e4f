//! The network learns, and what it learns does not depend on who computes when.

use crate::{Readme, drawn, printed, rustyray_host};

/// Round, loss, loss on the test's digits, and percent of those that were read right.
fn rounds(text: &str) -> Vec<[f64; 4]> {
    let rows = text.lines().skip(1).take_while(|line| !line.is_empty());
    let numbers = |line: &str| line.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<f64>>();
    rows.map(|line| numbers(line).try_into().expect("four numbers")).collect()
}

#[test]
fn parameter_server_learns_to_read_digits() {
    let (readme, folder) = (Readme::of("parameter-server"), tempfile::tempdir().expect("a folder"));
    let text = printed(&readme.run_in(folder.path(), &[]));
    assert_eq!(text, readme.output());

    let rounds = rounds(&text);
    let (first, last) = (rounds[0], rounds[rounds.len() - 1]);
    assert!(rounds.is_sorted_by(|before, after| after[1] < before[1]), "the loss falls: {rounds:?}");
    // Who knows nothing gives each digit a tenth: the loss is ln 10, and one of ten is right.
    assert!((first[1] - 10f64.ln()).abs() < 0.2 && first[3] < 25.0, "{first:?}");
    assert!(last[1] < 0.1 && last[2] < 0.2 && last[3] > 95.0, "{last:?}");

    let plot = drawn("parameter-server", folder.path(), "loss.svg");
    let points = |curve: &str| curve.split('"').next().expect("its points").split_whitespace().count();
    let curves: Vec<usize> = plot.split("<polyline points=\"").skip(1).map(points).collect();
    assert_eq!(curves, [101, 101]);
}

#[test]
fn parameter_server_says_what_is_missing() {
    let guest = rustyray_testkit::guest("parameter-server").display().to_string();
    let output = rustyray_host(["run", &guest]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("grant the data with `--dir "), "{error}");
}
