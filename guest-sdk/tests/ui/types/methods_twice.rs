#[rustyray::actor]
struct Counter;

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter
    }
}

#[rustyray::actor_methods]
impl Counter {
    fn get(&self) -> i32 {
        1
    }
}

fn main() {}
