#[rustyray::actor(max_concurrency = 0)]
struct Nobody;

#[rustyray::actor(max_concurrency = 2, checkpoint)]
struct Saved;

#[rustyray::actor(concurrency_groups = "io=2")]
struct Hall;

#[rustyray::actor_methods]
impl Hall {
    #[rustyray::method(concurrency_group = "oi")]
    fn elsewhere(&self) {}

    fn new() -> Self {
        Hall
    }
}

#[rustyray::actor(max_concurrency = 2)]
struct Other;

#[rustyray::actor_methods]
impl Other {
    #[rustyray::method(concurrency_group = "io")]
    fn new() -> Self {
        Other
    }
}

#[rustyray::method(concurrency_group = "io")]
fn nowhere() {}

fn main() {}
