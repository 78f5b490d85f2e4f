#[rustyray::remote]
unsafe fn answer() -> u32 {
    42
}

fn main() {}
