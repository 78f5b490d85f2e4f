#[rustyray::actor]
struct Counter<T> {
    value: T,
}

fn main() {}
