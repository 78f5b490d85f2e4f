//! Some digits, and what the network takes them for.

use crate::digits::Digits;

/// Shown if they were read right. The first that was misread is shown as well.
const EXAMPLES: [u8; 3] = [2, 3, 8];

/// Pixels from white to black.
const SHADES: [&str; 5] = ["  ", "░░", "▒▒", "▓▓", "██"];

/// Pixels along a side of an image.
const SIDE: usize = 8;

/// An image, what it shows, and what it was taken for.
type Read<'a> = (&'a [u8], u8, u8);

/// Images side by side, in characters, and what they were taken for below.
pub fn shown(digits: &Digits, labels: &[u8]) -> String {
    let all: Vec<Read> = digits.labelled().zip(labels).map(|((pixels, label), read)| (pixels, label, *read)).collect();
    let right = EXAMPLES.iter().filter_map(|digit| all.iter().find(|(_, label, read)| (label, read) == (digit, digit)));
    let shown: Vec<&Read> = right.chain(all.iter().find(|(_, label, read)| label != read)).collect();
    let line = |row: usize| shown.iter().map(|(pixels, ..)| drawn(&pixels[row * SIDE..][..SIDE])).collect::<String>();
    let captions = shown.iter().map(|read| caption(read)).collect();
    (0..SIDE).map(line).chain([captions]).map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn drawn(row: &[u8]) -> String {
    let shade = |pixel: &u8| SHADES[usize::from(*pixel).div_ceil(4).min(4)];
    row.iter().map(shade).chain(["  "]).collect()
}

fn caption(&(_, label, read): &Read) -> String {
    let text = if label == read { format!("a {read}") } else { format!("a {read}? it is a {label}") };
    format!("    {text:<14}")
}
