//! Modules, visibility, conditions, raw names, other result types, and a crate that forbids and denies all that it can.

#![forbid(unsafe_code)]
#![deny(warnings, missing_docs)]

use rustyray::prelude::*;

pub mod a {
    //! A module.

    use rustyray::prelude::*;

    /// A point.
    #[derive(Serialize, Deserialize, Debug)]
    #[serde(crate = "rustyray::serde")]
    pub struct Point {
        /// Along.
        pub x: f64,
    }

    /// Moves it.
    ///
    /// # Errors
    /// Never.
    #[rustyray::remote(name = "move", resources = "gpu=0.5", grants = ["clock"], priority = -1)]
    pub fn r#move(mut point: Point, r#type: u8) -> std::result::Result<Point, String> {
        point.x += f64::from(r#type);
        Ok(point)
    }

    #[rustyray::remote]
    #[cfg(any())]
    fn missing(nothing: NoSuchType) {}

    /// Fibonacci's, each in its own task.
    #[rustyray::remote]
    pub async fn fib(n: u32) -> Result<u64> {
        if n < 2 {
            return Ok(u64::from(n));
        }
        let (left, right) = (fib.remote(n - 1), fib.remote(n - 2));
        Ok(left.await? + right.await?)
    }

    /// Holds on to points.
    #[rustyray::actor(name = "store", max_restarts = 1, max_pending_calls = 10, detached, memory = 1048576)]
    #[derive(Debug)]
    pub struct Store {
        points: Vec<Point>,
    }

    #[rustyray::actor_methods]
    impl Store {
        /// An empty one.
        pub async fn new() -> Result<Self, std::io::Error> {
            Ok(Self { points: Vec::new() })
        }

        /// Keeps a point.
        pub fn keep(&mut self, point: Point) -> usize {
            self.points.push(point);
            self.count()
        }

        /// Takes what another has.
        pub async fn take_from(&mut self, other: StoreHandle) -> Result<usize> {
            let theirs = other.drain().await?;
            self.points.extend(theirs);
            Ok(self.count())
        }

        fn drain(&mut self) -> Vec<Point> {
            std::mem::take(&mut self.points)
        }

        #[rustyray::local]
        fn count(&self) -> usize {
            self.points.len()
        }

        #[rustyray::local]
        #[expect(dead_code)]
        fn limit() -> usize {
            10
        }

        #[cfg(any())]
        fn missing(&self, nothing: NoSuchType) {}
    }
}

#[rustyray::main]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let call = || -> Result<()> {
        let moved = a::r#move.remote(a::Point { x: 0.5 }, 1).blocking_get()?;
        assert!(a::r#move(moved, 2).is_ok());
        let store = a::Store::options().name("store").num_cpus(1).remote();
        store.take_from(a::Store::remote()).blocking_get()?;
        Handle::kill(&store);
        assert!(rustyray::block_on(a::fib(1))? > 0);
        Ok(())
    };
    // What needs a host is only compiled here.
    let _ = call;
    Ok(())
}
