#[rustyray::remote]
fn length(texts: Vec<(u8, &[u16])>) -> usize {
    texts.len()
}

#[rustyray::remote]
fn text(cow: std::borrow::Cow<'_, str>) -> usize {
    cow.len()
}

fn main() {}
