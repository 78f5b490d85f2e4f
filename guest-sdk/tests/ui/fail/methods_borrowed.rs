#[rustyray::actor]
struct Counter;

#[rustyray::actor_methods]
impl Counter {
    fn rename(&mut self, name: &str) {
        drop(name);
    }
}

fn main() {}
