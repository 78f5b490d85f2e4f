//! Looks for the end of the text, and walks past it.

use std::hint::black_box;

#[rustyray::remote]
fn render(text: String) -> String {
    let mut at = 0usize;
    while black_box(at) != usize::MAX {
        at = (at + 1) % text.len().max(1);
    }
    text
}

fn main() {}
