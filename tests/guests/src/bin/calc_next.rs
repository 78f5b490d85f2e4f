//! The same module in its next version.

include!("../calc/common.rs");

const VERSION: u32 = 2;

#[rustyray::actor(checkpoint)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Reshaped {
    total: u64,
    calls: u32,
}

#[rustyray::actor_methods]
impl Reshaped {
    fn new() -> Self {
        Reshaped { total: 0, calls: 0 }
    }

    fn add(&mut self, more: u32) -> (u32, u32) {
        let more = u64::from(more);
        self.total += more;
        self.calls += 1;
        (VERSION, self.total as u32)
    }
}

/// Only this version has it.
#[rustyray::remote]
fn new_here() -> u32 {
    VERSION
}

fn main() {}
