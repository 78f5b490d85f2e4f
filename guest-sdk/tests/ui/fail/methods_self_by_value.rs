#[rustyray::actor]
struct Counter {
    value: i32,
}

#[rustyray::actor_methods]
impl Counter {
    fn finish(self) -> i32 {
        self.value
    }
}

fn main() {}
