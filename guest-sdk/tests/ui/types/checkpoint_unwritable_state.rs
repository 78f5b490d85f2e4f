#[rustyray::actor(checkpoint)]
struct Secret;

#[rustyray::actor_methods]
impl Secret {
    fn new() -> Self {
        Secret
    }
}

fn main() {}
