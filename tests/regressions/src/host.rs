//! The host that is fuzzed, with tight limits.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rustyray_host::{Host, ObjectRef, TaskOptions};

/// Modules that one host loads. It keeps the code of each as long as it lives.
const MODULES_PER_HOST: u32 = 200;

/// Time for an input to be over with everything given back; its own limits end it long before.
const LONGEST: Duration = Duration::from_secs(20);

thread_local! {
    static HOST: RefCell<Option<(Host, u32)>> = const { RefCell::new(None) };
}

/// The limits of whatever runs.
pub fn tight() -> TaskOptions {
    TaskOptions::new().fuel(500_000).timeout(Duration::from_secs(2)).memory_bytes(16 << 20).output_bytes(1 << 16)
}

/// Loads the module and has `play` choose what to run. All of it must end, and nothing must be left.
pub fn load_and_run(bytes: &[u8], play: impl FnOnce(&rustyray_host::Module) -> Vec<ObjectRef>) {
    HOST.with_borrow_mut(|place| {
        let (host, mut loaded) = place.take().unwrap_or_else(|| (new(), 0));
        if let Ok(module) = block_on(host.load_bytes("fuzzed", bytes)) {
            for object in play(&module) {
                // An error is as good as a value.
                let _ = block_on(host.value(&object, None));
            }
        }
        settle(&host);
        loaded += 1;
        match loaded < MODULES_PER_HOST {
            true => *place = Some((host, loaded)),
            false => block_on(host.shutdown(Duration::from_secs(5))),
        }
    });
}

fn new() -> Host {
    let host = Host::builder().cpus(2.0).threads(1).instances(8).pending_tasks(64).object_store_bytes(32 << 20);
    host.on_log(|_| ()).build().expect("the host builds")
}

fn settle(host: &Host) {
    let start = Instant::now();
    loop {
        let left = host.stats();
        if (left.instances, left.actors, left.running, left.pending, left.objects, left.object_bytes)
            == (0, 0, 0, 0, 0, left.manifest_bytes)
        {
            return;
        }
        assert!(start.elapsed() < LONGEST, "{left:?} is left");
        std::thread::yield_now();
    }
}
