#[rustyray::remote]
fn sum(numbers: impl Iterator<Item = u8>) -> u8 {
    numbers.sum()
}

#[rustyray::remote]
fn shown() -> impl std::fmt::Display {
    3
}

fn main() {}
