//! A module that others call, in its first version.

include!("../calc/common.rs");

const VERSION: u32 = 1;

/// Has another definition in the next version.
#[rustyray::actor(checkpoint)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Reshaped {
    total: u32,
}

#[rustyray::actor_methods]
impl Reshaped {
    fn new() -> Self {
        Reshaped { total: 0 }
    }

    fn add(&mut self, more: u32) -> (u32, u32) {
        self.total += more;
        (VERSION, self.total)
    }
}

/// Is not in the next version.
#[rustyray::actor(checkpoint)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Gone;

#[rustyray::actor_methods]
impl Gone {
    fn new() -> Self {
        Gone
    }

    fn version(&self) -> u32 {
        VERSION
    }
}

fn main() {}
