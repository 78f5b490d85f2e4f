//! The ledger of `checkpoints` with another definition.

use rustyray::prelude::*;

/// Has wider entries.
#[rustyray::actor(checkpoint)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Ledger {
    entries: Vec<u64>,
}

#[rustyray::actor_methods]
impl Ledger {
    fn new() -> Self {
        Ledger { entries: vec![1000] }
    }

    fn entries(&self) -> Vec<u64> {
        self.entries.clone()
    }
}

fn main() {}
