#[rustyray::remote]
fn first<T>(items: Vec<T>) -> u32 {
    items.len() as u32
}

fn main() {}
