struct Counter;

#[rustyray::actor]
impl Counter {}

fn main() {}
