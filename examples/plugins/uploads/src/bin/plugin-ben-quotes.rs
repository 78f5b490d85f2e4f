//! Puts quotation marks and dashes as printers do.

#[rustyray::remote]
fn render(text: String) -> String {
    let mut inside = false;
    let marks = text.chars().map(|letter| match letter {
        '"' => {
            inside = !inside;
            if inside { '“' } else { '”' }
        }
        other => other,
    });
    marks.collect::<String>().replace("--", "–")
}

fn main() {}
