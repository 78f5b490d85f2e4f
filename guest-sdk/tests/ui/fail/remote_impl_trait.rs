#[rustyray::remote]
fn sum(numbers: impl Iterator<Item = u8>) -> u8 {
    numbers.sum()
}

#[rustyray::remote]
fn numbers() -> impl Iterator<Item = u8> {
    0..3
}

fn main() {}
