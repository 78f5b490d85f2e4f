#[rustyray::remote]
struct Counter {
    value: i32,
}

fn main() {}
