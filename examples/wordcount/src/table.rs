//! The result, for people.

use std::fmt::Write;

use crate::counts::Counts;

/// Characters of the longest bar.
const BAR: u64 = 40;

/// The first rows of the ranking, the totals, and a note where one is due.
pub fn table(counts: &Counts, files: usize, rows: usize) -> String {
    let ranking = counts.ranking();
    let shown = &ranking[..rows.min(ranking.len())];
    let most = shown.first().map_or(1, |(_, times)| *times);
    let wide = shown.iter().map(|(word, _)| word.chars().count()).max().unwrap_or(0);
    let digits = most.to_string().len();

    let mut text = String::new();
    for (word, times) in shown {
        let bar = "█".repeat((times * BAR).div_ceil(most) as usize);
        let _ = writeln!(text, "{word:wide$}  {times:digits$}  {bar}");
    }
    let (total, distinct) = (counts.total(), ranking.len());
    let _ = writeln!(text, "\nfiles: {files}, words: {total}, distinct words: {distinct}");
    if !counts.not_utf8.is_empty() {
        let names: Vec<_> = counts.not_utf8.iter().map(String::as_str).collect();
        let _ = writeln!(text, "note: not all is UTF-8 in {}", names.join(", "));
    }
    text
}
