#[rustyray::actor]
struct Counter {
    value: i32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { value: 0 }
    }

    fn limit() -> i32 {
        10
    }
}

fn main() {}
