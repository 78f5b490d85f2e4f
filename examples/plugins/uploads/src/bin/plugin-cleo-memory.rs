//! Keeps a copy of the text, and another one, and another one.

#[rustyray::remote]
fn render(text: String) -> String {
    let mut copies = Vec::new();
    while copies.len() < 1_000_000_000 {
        copies.push(text.repeat(1000));
    }
    text
}

fn main() {}
