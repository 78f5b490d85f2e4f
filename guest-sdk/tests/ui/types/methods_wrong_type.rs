#[rustyray::actor]
struct Counter;

#[rustyray::actor_methods]
impl Counter {
    fn starting_at(value: i32) -> Self {
        let _ = value;
        Counter
    }

    fn add(&mut self, value: i32) -> i32 {
        value
    }
}

fn main() {
    let counter = Counter::remote_starting_at("one");
    counter.add("one");
}
