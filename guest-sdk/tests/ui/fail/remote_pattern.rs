#[rustyray::remote]
fn add((a, b): (i32, i32)) -> i32 {
    a + b
}

#[rustyray::remote]
fn ignore(_: i32) {}

fn main() {}
