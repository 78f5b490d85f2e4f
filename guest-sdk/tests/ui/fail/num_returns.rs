#[rustyray::remote(num_returns = 3)]
fn two() -> (u8, u8) {
    (1, 2)
}

#[rustyray::remote(num_returns = 2)]
fn one() -> u8 {
    1
}

#[rustyray::remote(num_returns = 1)]
fn few() -> (u8,) {
    (1,)
}

#[rustyray::remote(pure)]
fn several() -> impl Iterator<Item = u8> {
    0..3
}

fn main() {}
