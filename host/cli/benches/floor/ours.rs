//! The host as it is shipped, with the benchmark's guest.

use std::path::PathBuf;
use std::time::Duration;

use futures::executor::block_on;
use rustyray_host::{ActorHandle, Capabilities, Host, HostBuilder, Module, ObjectRef, TaskCall, TaskOptions};

/// A host and its module.
pub struct Ours {
    pub host: Host,
    pub module: Module,
}

impl Ours {
    /// The defaults. The clock is granted to the tasks that measure by themselves, and changes nothing for the others.
    pub fn standard() -> Self {
        Ours::with(Host::builder())
    }

    pub fn with(builder: HostBuilder) -> Self {
        let host = builder.capabilities(Capabilities::none().clock()).build().unwrap();
        let module = block_on(host.load_file(guest())).unwrap();
        Ours { host, module }
    }

    /// The smallest task.
    pub fn small(&self) -> TaskCall {
        self.module.task("add").arg(1).arg(2)
    }

    /// The smallest task, from submission to result.
    pub async fn add(&self) -> i32 {
        self.result(self.small()).await
    }

    /// The same with options.
    pub async fn add_with(&self, options: TaskOptions) -> i32 {
        self.result(self.small().options(options)).await
    }

    async fn result(&self, call: TaskCall) -> i32 {
        let sum = call.submit().await;
        self.host.get(&sum).await.unwrap()
    }

    /// What a task measured by itself: nanoseconds.
    pub fn measured(&self, call: TaskCall) -> f64 {
        block_on(async {
            let nanoseconds = call.submit().await;
            self.host.get::<u64>(&nanoseconds).await.unwrap() as f64
        })
    }

    /// A counter that is ready.
    pub fn counter(&self) -> ActorHandle {
        self.actor("Counter")
    }

    /// An actor of this type, constructed.
    pub fn actor(&self, type_name: &str) -> ActorHandle {
        let actor = self.module.actor(type_name).create();
        block_on(self.host.value(&actor.ready(), None)).unwrap();
        actor
    }

    /// One call of a counter, from submission to result.
    pub async fn increment(&self, counter: &ActorHandle) -> i32 {
        let count = counter.call("increment").submit().await;
        self.host.get(&count).await.unwrap()
    }

    /// Tasks that compute for ever, all of them running.
    pub fn spinning(&self, count: usize) -> Vec<ObjectRef> {
        let spinning = (0..count).map(|_| self.module.task("spin").try_submit()).collect();
        while self.host.stats().running < count {
            std::thread::sleep(Duration::from_micros(200));
        }
        spinning
    }

    /// The values of all, in order.
    pub async fn get_all(&self, objects: &[ObjectRef]) {
        for object in objects {
            self.host.get::<i32>(object).await.unwrap();
        }
    }
}

impl Drop for Ours {
    /// No thread of one row's host is to disturb the next row.
    fn drop(&mut self) {
        block_on(self.host.shutdown(Duration::ZERO));
    }
}

/// The benchmark's compiled guest.
///
/// # Panics
/// It is not built.
pub fn guest() -> PathBuf {
    let folder = std::env::var_os("RUSTYRAY_GUESTS").map_or_else(target_of_guests, PathBuf::from);
    let path = folder.join("bench").with_extension("wasm");
    assert!(path.exists(), "the guest {} is not built: run `make guests`", path.display());
    path
}

fn target_of_guests() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")), PathBuf::from);
    target.join("wasm32-wasip2/release")
}
