#[rustyray::remote]
fn first(items: Vec<u8>) -> u32
where
    u8: Copy,
{
    items.len() as u32
}

fn main() {}
