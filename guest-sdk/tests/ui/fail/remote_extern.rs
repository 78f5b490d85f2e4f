#[rustyray::remote]
extern "C" fn answer() -> u32 {
    42
}

fn main() {}
