struct Counter;

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter
    }
}

fn main() {}
