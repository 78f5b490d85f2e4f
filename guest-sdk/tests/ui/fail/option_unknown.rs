#[rustyray::remote(retries = 2)]
fn answer() -> u32 {
    42
}

#[rustyray::actor(max_retries = 2)]
struct Counter;

fn main() {}
