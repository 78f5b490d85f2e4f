#[rustyray::local]
fn helper() {}

fn main() {}
