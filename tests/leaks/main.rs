//! What a host leaves behind in its process. Alone in its binary, because threads and files are counted.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustyray_host::{ActorOptions, Capabilities, DirAccess, Host};
use rustyray_testkit::guest;

/// The threads of this process by name, and its open files by where they lead.
fn census() -> (Vec<String>, BTreeSet<String>) {
    let entries = |folder: &str| std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut threads: Vec<_> = entries("/proc/self/task")
        .filter_map(|path| Some(std::fs::read_to_string(path.join("comm")).ok()?.trim().to_owned()))
        .collect();
    threads.sort();
    // The folder that is being read is open itself, under a number that may change.
    let files = entries("/proc/self/fd")
        .filter_map(|path| Some(std::fs::read_link(path).ok()?.to_string_lossy().into_owned()))
        .filter(|target| !target.contains("/fd"))
        .collect();
    (threads, files)
}

/// A host that works, waits, holds actors and files, and is shut down while a task spins.
fn live_and_die() {
    let folder = tempfile::tempdir().unwrap();
    let capabilities = Capabilities::none().dir(folder.path(), "/data", DirAccess::ReadWrite).unwrap();
    let host = Host::builder().cpus(2.0).instances(64).capabilities(capabilities);
    let host = host.journal(folder.path().join("journal")).build().unwrap();
    futures::executor::block_on(async {
        let waiting = host.load_file(guest("waiting")).await.unwrap();
        let actors = host.load_file(guest("actors")).await.unwrap();
        let files = host.load_file(guest("capabilities")).await.unwrap();
        let write = files.task("write").arg("/data/file".to_owned()).arg("text".to_owned()).submit().await;
        assert_eq!(host.get::<u64>(&write).await.unwrap(), 4);
        let chain = waiting.task("chain").arg(100u32).submit().await;
        assert_eq!(host.get::<u32>(&chain).await.unwrap(), 100);
        let options = ActorOptions::new().name("left").detached(true);
        let actor = actors.actor("Counter").options(options).create();
        let one = actor.call("add").arg(1).submit().await;
        assert_eq!(host.get::<i32>(&one).await.unwrap(), 1);
        let kept = host.load_file(guest("journal")).await.unwrap();
        let square = kept.task("square").arg(7u64).submit().await;
        assert_eq!(host.get::<u64>(&square).await.unwrap(), 49);
        let _spin = waiting.task("spin").submit().await;
        host.shutdown(Duration::from_millis(1)).await;
        assert_eq!(host.stats().instances, 0);
    });
}

#[test]
fn no_thread_and_no_file_stays_behind() {
    // The first host may start what the process keeps, such as the compiler's threads.
    live_and_die();
    let before = settled_census();
    for _ in 0..3 {
        live_and_die();
    }
    assert_eq!(before, settled_census());
}

/// The census once no thread of a host is in it. A thread that was joined may be listed for a moment after its end.
fn settled_census() -> (Vec<String>, BTreeSet<String>) {
    let start = Instant::now();
    loop {
        let census = census();
        if !census.0.iter().any(|thread| thread.starts_with("rustyray")) {
            return census;
        }
        assert!(start.elapsed() < Duration::from_secs(1), "{:?} are left", census.0);
        std::thread::yield_now();
    }
}
