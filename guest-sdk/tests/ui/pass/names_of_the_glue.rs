//! Tasks may have the names that the macros' own code is full of. A remote function is a unit struct, so that a binding of
//! that name would not compile.

use rustyray::prelude::*;

macro_rules! tasks {
    ($($name:ident)*) => {
        $(
            #[rustyray::remote]
            fn $name(number: u32) -> u32 {
                number
            }
        )*
    };
}

tasks! {
    actor amount argument argument_0 arguments bytes call count cpus created elements error fuel future grants handle
    options place priority reference reply result run state this timeout value
}

#[rustyray::actor]
struct Counter {
    total: u32,
}

#[rustyray::actor_methods]
impl Counter {
    fn new() -> Self {
        Counter { total: 0 }
    }

    fn starting_at(total: u32) -> Result<Self> {
        Ok(Counter { total })
    }

    async fn add(&mut self, more: u32) -> Result<u32> {
        self.total += more;
        Ok(self.total)
    }
}

#[rustyray::main]
async fn main() -> Result<()> {
    Ok(())
}
