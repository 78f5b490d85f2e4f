//! The data: images of handwritten digits, and which digit each is.

use std::fs;

use rustyray::prelude::*;

/// Pixels of an image, 8 by 8.
pub const PIXELS: usize = 64;

/// What a pixel is at most.
const INK: f32 = 16.0;

/// One in so many is kept for the test.
const TEST: usize = 5;

/// Some of the images.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Digits {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Digits {
    /// Reads lines of 64 pixels, from 0 to 16, and the digit.
    pub fn of_csv(text: &str) -> Result<Self> {
        let mut digits = Digits::default();
        for (number, line) in text.lines().enumerate() {
            let numbers: Vec<u8> = line.split(',').map(|number| number.parse().unwrap_or(u8::MAX)).collect();
            match numbers.split_last() {
                Some((label @ 0..=9, pixels)) if pixels.len() == PIXELS && pixels.iter().all(|pixel| *pixel <= 16) => {
                    digits.push(pixels, *label);
                }
                _ => rustyray::bail!("line {} is not 64 pixels and a digit", number + 1),
            }
        }
        Ok(digits)
    }

    /// Reads a file of such lines.
    pub fn read(path: &str) -> Result<Self> {
        let missing = |error| {
            Error::msg(format!(
                "cannot read {path} ({error}): grant the data with `--dir examples/parameter-server/data::/data:ro`"
            ))
        };
        Self::of_csv(&fs::read_to_string(path).map_err(missing)?)
    }

    /// The digits to learn from, in so many shards, and those for the test.
    pub fn split(&self, shards: usize) -> (Vec<Digits>, Digits) {
        let (mut training, mut test) = (vec![Digits::default(); shards], Digits::default());
        for (number, (pixels, label)) in self.labelled().enumerate() {
            let part = if number % TEST == 0 { &mut test } else { &mut training[number % shards] };
            part.push(pixels, label);
        }
        (training, test)
    }

    fn push(&mut self, pixels: &[u8], label: u8) {
        self.pixels.extend_from_slice(pixels);
        self.labels.push(label);
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The pixels of each image, and its digit.
    pub fn labelled(&self) -> impl Iterator<Item = (&[u8], u8)> {
        self.pixels.chunks_exact(PIXELS).zip(self.labels.iter().copied())
    }
}

/// Pixels as the network takes them, from 0 to 1.
pub fn inputs(pixels: &[u8]) -> Vec<f32> {
    pixels.iter().map(|pixel| f32::from(*pixel) / INK).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_digit_is_named() {
        let line = |label: &str| format!("{}{label}\n", "16,".repeat(PIXELS));
        assert_eq!(Digits::of_csv(&line("9")).unwrap().labelled().next().unwrap().1, 9);
        for wrong in ["10", "x", "17,1", "", "1,2"] {
            let error = Digits::of_csv(&(line("0") + &line(wrong))).err().unwrap();
            assert_eq!(error.to_string(), "line 2 is not 64 pixels and a digit", "{wrong}");
        }
    }

    #[test]
    fn none_is_both_learnt_from_and_tested() {
        let text: String = (0..20).map(|n| format!("{}{}\n", format!("{},", n % 17).repeat(PIXELS), n % 10)).collect();
        let (shards, test) = Digits::of_csv(&text).unwrap().split(3);
        assert_eq!((test.len(), shards.iter().map(Digits::len).sum::<usize>()), (4, 16));
        assert_eq!(test.labelled().map(|(pixels, _)| pixels[0]).collect::<Vec<_>>(), [0, 5, 10, 15]);
    }
}
