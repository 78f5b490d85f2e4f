//! Counts that do not vary, and that guard what makes the host fast: how often something is allocated, instantiated,
//! copied, or woken. A binary of its own, because it counts the allocations of its threads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use rustyray_host::{Capabilities, Encoding, Host, Module, Payload};
use rustyray_testkit::guest;

/// Allocations of a task with two arguments, from its submission to its result, those of wasmtime included: 52 when this
/// was written.
const ALLOCATIONS_PER_TASK: u64 = 60;

/// The same for a call of an actor.
const ALLOCATIONS_PER_CALL: u64 = 40;

fn host() -> (Host, Module) {
    let host = Host::builder().cpus(2.0).threads(2).instances(16).capabilities(Capabilities::none().clock());
    let host = host.build().unwrap();
    let module = block_on(host.load_file(guest("bench"))).unwrap();
    (host, module)
}

/// The most allocations of one run on this thread. Who awaits a task runs it; where one of the host's threads was
/// quicker there are fewer here.
fn most_allocations(mut run: impl FnMut()) -> u64 {
    (0..100).for_each(|_| run());
    (0..200).map(|_| allocation_counter::measure(&mut run).count_total).max().unwrap_or_default()
}

#[test]
fn a_task_allocates_no_more_than_it_did() {
    let (host, module) = host();
    let most = most_allocations(|| {
        let sum = block_on(module.task("add").arg(1).arg(2).submit());
        assert_eq!(block_on(host.get::<i32>(&sum)).unwrap(), 3);
    });
    println!("{most} allocations of a task");
    assert!((20..=ALLOCATIONS_PER_TASK).contains(&most), "{most} allocations");
}

#[test]
fn a_call_allocates_no_more_than_it_did() {
    let (host, module) = host();
    let counter = module.actor("Counter").create();
    let most = most_allocations(|| {
        let count = block_on(counter.call("increment").submit());
        assert!(block_on(host.get::<i32>(&count)).unwrap() > 0);
    });
    println!("{most} allocations of a call");
    assert!((5..=ALLOCATIONS_PER_CALL).contains(&most), "{most} allocations");
}

#[test]
fn each_task_has_one_instance_and_an_actor_one_for_all_its_calls() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let host = Host::builder().instances(16).imports_with(move || counted.fetch_add(1, Ordering::Relaxed), |_| Ok(()));
    let host = host.build().unwrap();
    let module = block_on(host.load_file(guest("bench"))).unwrap();
    assert_eq!(made.swap(0, Ordering::Relaxed), 1, "one is asked for the manifest");
    let sums: Vec<_> = (0..50).map(|n| module.task("add").arg(n).arg(1).try_submit()).collect();
    assert!(sums.iter().all(|sum| block_on(host.get::<i32>(sum)).is_ok()));
    assert_eq!(made.swap(0, Ordering::Relaxed), 50);
    let counter = module.actor("Counter").create();
    let counts: Vec<_> = (0..50).map(|_| counter.call("increment").try_submit()).collect();
    assert!(counts.iter().all(|count| block_on(host.get::<i32>(count)).is_ok()));
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn the_host_holds_a_payload_once() {
    let (host, _) = host();
    let payload = Payload::new(Encoding::Raw, vec![7u8; 1 << 20]);
    let at = payload.data.as_ptr();
    let object = host.put_payload(payload).unwrap();
    assert_eq!(block_on(host.value(&object, None)).unwrap().payload().data.as_ptr(), at);
}

/// Two actors that call each other hand over the thread. If each call woke another thread there would be 20,000
/// switches.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads the switches of a thread from /proc")]
fn actors_that_call_each_other_stay_on_one_thread() {
    let (host, module) = host();
    let caller = module.actor("Caller").create();
    let call = |count: u32| block_on(host.get::<u64>(&caller.call("call").arg(count).try_submit())).unwrap();
    call(100);
    let before = voluntary_switches();
    call(10_000);
    // A spare thread may have ended meanwhile, or begun.
    let since = |(thread, count): (&String, &u64)| count - before.get(thread).unwrap_or(&0);
    let switches: u64 = voluntary_switches().iter().map(since).sum();
    assert!(switches < 1_000, "{switches} switches in 10,000 calls");
}

/// How often each of the threads that run guests went to sleep.
fn voluntary_switches() -> BTreeMap<String, u64> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads
        .filter_map(|thread| {
            let path = thread.unwrap().path();
            let name = std::fs::read_to_string(path.join("comm")).ok()?;
            let number = name.trim().strip_prefix("rustyray-")?;
            number.parse::<u32>().ok()?;
            let status = std::fs::read_to_string(path.join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            Some((path.file_name()?.to_string_lossy().into_owned(), line.trim().parse().ok()?))
        })
        .collect()
}
