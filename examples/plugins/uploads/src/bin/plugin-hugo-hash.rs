//! Signs the text, at length.

use std::hint::black_box;

/// So that nobody forges a signature. A few would do, and cost its user less.
const ROUNDS: u32 = 2_500_000;

#[rustyray::remote]
fn render(text: String) -> String {
    let mut hash = text.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    for _ in 0..ROUNDS {
        hash = black_box(hash).wrapping_mul(0x9e37_79b1).rotate_left(7);
    }
    format!("{text} [{hash:08x}]")
}

fn main() {}
