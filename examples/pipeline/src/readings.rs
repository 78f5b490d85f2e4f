//! Made-up readings, the same for the same seed.

use std::io::Write;

/// Bytes of a piece, about: small beside a guest's memory, and work for a task.
const PIECE_BYTES: usize = 64 << 10;

/// Stations, and what it is like there in the mean, in tenths of a degree.
const STATIONS: [(&str, i64); 8] = [
    ("Abisko", -7),
    ("Bergen", 80),
    ("Cádiz", 185),
    ("Dakar", 245),
    ("Erfurt", 88),
    ("Fès", 176),
    ("Galway", 104),
    ("Hobart", 127),
];

/// `station;degrees` for each of `count` readings, in pieces of whole lines.
pub fn csv(count: u64, seed: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut state = seed;
    let mut left = count;
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE_BYTES + 64);
        while left > 0 && piece.len() < PIECE_BYTES {
            left -= 1;
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            write_row(&mut piece, state >> 33);
        }
        Some(piece)
    })
}

/// The sum of two even spreads: most readings are near the mean.
fn write_row(piece: &mut Vec<u8>, chance: u64) {
    let (station, mean) = STATIONS[chance as usize % STATIONS.len()];
    let spread = (chance >> 3) % 151 + (chance >> 11) % 151;
    let tenths = mean + spread as i64 - 150;
    let sign = if tenths < 0 { "-" } else { "" };
    // A vector takes whatever is written.
    let _ = writeln!(piece, "{station};{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10);
}
