#[rustyray::actor]
struct Counter;

#[rustyray::actor_methods]
impl Counter {
    fn add<T>(&mut self, value: T) {
        drop(value);
    }
}

fn main() {}
