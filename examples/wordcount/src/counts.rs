//! What is counted, and how.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, Seek, SeekFrom};
use std::ops::Range;

use rustyray::prelude::*;

/// How often each word occurs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Counts {
    pub words: HashMap<String, u64>,
    /// The files in which something is not UTF-8.
    pub not_utf8: BTreeSet<String>,
}

impl Counts {
    /// Counts the lines that start within `bytes`. So the pieces of a file share it out, wherever they were cut.
    pub fn of_lines(path: &str, file: &mut (impl BufRead + Seek), bytes: Range<u64>) -> io::Result<Counts> {
        let mut counts = Counts::default();
        let mut line = Vec::new();
        let mut at = bytes.start;
        if at > 0 {
            // The line that the byte before is part of belongs to the piece before. It may be the line's end.
            file.seek(SeekFrom::Start(at - 1))?;
            at += file.skip_until(b'\n')? as u64 - 1;
        }
        while at < bytes.end {
            line.clear();
            match file.read_until(b'\n', &mut line)? {
                0 => break,
                read => at += read as u64,
            }
            counts.add_line(path, &line);
        }
        Ok(counts)
    }

    fn add_line(&mut self, path: &str, line: &[u8]) {
        if str::from_utf8(line).is_err() {
            self.not_utf8.insert(path.to_owned());
        }
        // What is not UTF-8 becomes a sign that is no letter: it parts words.
        for word in words(&String::from_utf8_lossy(line)) {
            *self.words.entry(word).or_default() += 1;
        }
    }

    pub fn merged(mut self, other: Counts) -> Counts {
        for (word, times) in other.words {
            *self.words.entry(word).or_default() += times;
        }
        self.not_utf8.extend(other.not_utf8);
        self
    }

    /// All words of all files.
    pub fn total(&self) -> u64 {
        self.words.values().sum()
    }

    /// The most frequent words first; of equals, the alphabet decides.
    pub fn ranking(&self) -> Vec<(&str, u64)> {
        let mut ranking: Vec<_> = self.words.iter().map(|(word, times)| (word.as_str(), *times)).collect();
        ranking.sort_by(|(word, times), (other, others)| others.cmp(times).then(word.cmp(other)));
        ranking
    }
}

/// Runs of letters in lower case. An apostrophe between letters is part of the word.
fn words(text: &str) -> impl Iterator<Item = String> {
    const APOSTROPHES: [char; 2] = ['\'', '’'];
    text.split(|c: char| !c.is_alphabetic() && !APOSTROPHES.contains(&c))
        .map(|word| word.trim_matches(APOSTROPHES).to_lowercase())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn counts(text: &[u8], bytes: Range<u64>) -> Counts {
        Counts::of_lines("x.txt", &mut Cursor::new(text), bytes).unwrap()
    }

    #[test]
    fn words_are_letters_in_lower_case() {
        let found: Vec<_> = words("Über-fisch, 'don't' — 42 ÉTÉ's ''").collect();
        assert_eq!(found, ["über", "fisch", "don't", "été's"]);
    }

    #[test]
    fn wherever_a_file_is_cut_each_word_counts_once() {
        let text = b"one two\nthree\n\nfour five six\nseven";
        let end = text.len() as u64;
        let whole = counts(text, 0..end);
        assert_eq!(whole.total(), 7);
        for cut in 0..=end {
            assert_eq!(counts(text, 0..cut).merged(counts(text, cut..end)), whole, "cut at {cut}");
        }
    }

    #[test]
    fn equals_are_sorted_by_the_alphabet() {
        let counts = counts(b"b a c c", 0..7);
        assert_eq!(counts.ranking(), [("c", 2), ("a", 1), ("b", 1)]);
    }

    #[test]
    fn other_bytes_part_words_and_are_noted() {
        let counts = counts(b"caf\xe9 au lait", 0..12);
        assert_eq!(counts.ranking(), [("au", 1), ("caf", 1), ("lait", 1)]);
        assert!(counts.not_utf8.contains("x.txt"));
    }
}
