//! The price, beside one that a formula gives.

use serde_json::Value;

use crate::{Readme, drawn, printed, rustyray_host};

#[test]
fn montecarlo_ends_with_the_same_price_each_time() {
    let (readme, folder) = (Readme::of("montecarlo"), tempfile::tempdir().expect("a folder"));
    assert_eq!(printed(&readme.run_in(folder.path(), &[])), readme.output());
    let plot = drawn("montecarlo", folder.path(), "montecarlo.svg");
    let points = |shape: &str| {
        let (_, rest) = plot.split_once(&format!("<{shape} points=\"")).expect("it has such a shape");
        rest.split_once('"').expect("the points end").0.split_whitespace().count()
    };
    let batches: usize =
        readme.output().lines().last().and_then(|line| line.split(' ').next()?.parse().ok()).expect("so many");
    assert_eq!((points("polyline"), points("polygon")), (batches, 2 * batches));
}

/// Without a strike the option is worth the mean of the expected prices, discounted: 100 e^(0.05 (month / 12 - 1)) in
/// each month.
#[test]
fn montecarlo_finds_what_is_known_and_cancels_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let (guest, grant) =
        (rustyray_testkit::guest("montecarlo").display().to_string(), format!("{}::/picture", folder.path().display()));
    let output = rustyray_host(["run", "--json", &guest, "--dir", &grant, "--", "0.05", "0"]);
    let text = printed(&output);
    let last: Vec<f64> = text
        .lines()
        .rfind(|line| line.contains('.'))
        .map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
        .expect("a row");
    let known = (1..=12).map(|month| 100.0 * (0.05 * (f64::from(month) / 12.0 - 1.0)).exp()).sum::<f64>() / 12.0;
    let [paths, price, range] = [0, 1, 2].map(|column| last[column]);
    assert!(range <= 0.05 && (price - known).abs() < 2.0 * range, "{price} ± {range}, not {known}");

    let errors = String::from_utf8_lossy(&output.stderr);
    let summary: Value = serde_json::from_str(errors.lines().last().expect("a line")).expect("of JSON");
    // Some more may have been done before they were cancelled, but not many.
    assert!(summary["cancelled"].as_u64() > Some(1500) && paths < 2_000_000.0, "{summary}");
    assert_eq!(summary["failed"], 0, "{summary}");
}
