#[rustyray::actor]
struct Counter;

#[rustyray::actor_methods]
impl Clone for Counter {
    fn clone(&self) -> Self {
        Counter
    }
}

fn main() {}
