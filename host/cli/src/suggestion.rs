//! The name that was probably meant.

/// The nearest of the names, if one is near.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let far = 1 + typed.chars().count() / 3;
    names.map(|name| (distance(typed, name), name)).filter(|(distance, _)| *distance <= far).min().map(|(_, name)| name)
}

/// Insertions, deletions and substitutions from one to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.to_lowercase().chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = if a == *b { diagonal } else { diagonal + 1 };
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_in_edits() {
        for (a, b, edits) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("Add", "add", 0)] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let names = ["add", "parse", "total"];
        assert_eq!(nearest("ad", names.into_iter()), Some("add"));
        assert_eq!(nearest("pase", names.into_iter()), Some("parse"));
        assert_eq!(nearest("wordcount", names.into_iter()), None);
    }
}
