//! Chance that comes the same way every time, so that what fails once fails again.

/// Knuth's linear congruential generator.
pub struct Dice(u64);

impl Dice {
    /// Each seed throws its own numbers.
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// Bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.throw() as u8).collect()
    }

    /// A number below this one, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.throw() as usize % end
    }

    /// These bytes with one to three of them changed.
    pub fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            bytes[at] = self.throw() as u8;
        }
        bytes
    }

    fn throw(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }
}
