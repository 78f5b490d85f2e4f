//! A guest that attacks: a task for each attack, in a module for each family.

#[path = "../../copies.rs"]
mod copies;
mod cycles;
mod escapes;
mod floods;
mod growth;
mod hoards;
mod lies;
mod loops;
mod storms;

/// Says that it is another module's `Counter`, and lies about what that takes.
#[rustyray::actor]
struct Counter;

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter
    }

    fn add(&self, lie: lies::Lie) -> i32 {
        drop(lie);
        0
    }
}

fn main() {}
