#[rustyray::test]
fn takes_arguments(a: i32) {}

#[rustyray::test(flavour = "none")]
fn has_options() {}

#[rustyray::test]
struct NoFunction;

fn main() {}
