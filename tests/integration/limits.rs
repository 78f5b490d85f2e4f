//! Each limit ends its own task, says which it was, and leaves the neighbours alone.

use std::time::Duration;

use rustyray_host::{ErrorKind, TaskLimits, TaskOptions};

use rustyray_tests::{builder, error, finish, host_with, settled, value};

#[tokio::test]
async fn fuel() {
    let (host, module) = host_with(builder(), "limits").await;
    let spin = module.task("spin").options(TaskOptions::new().fuel(3_000_000)).submit().await;
    let neighbour = module.task("add").arg(1).arg(2).submit().await;
    let error = error(&host, &spin).await;
    assert_eq!(error.kind, ErrorKind::OutOfFuel);
    let limit = error.limit.as_ref().unwrap();
    assert_eq!((limit.name.as_str(), limit.limit), ("fuel", 3_000_000));
    assert_eq!(spin.receipt().unwrap().fuel_used, 3_000_000);
    assert_eq!(value::<i32>(&host, &neighbour).await, 3);
    finish(host).await;
}

#[tokio::test]
async fn memory() {
    let (host, module) = host_with(builder(), "limits").await;
    let options = || TaskOptions::new().memory_bytes(16 << 20);
    let hog = module.task("hog").arg(64usize).options(options()).submit().await;
    let modest = module.task("hog").arg(8usize).options(options()).submit().await;
    let error = error(&host, &hog).await;
    assert_eq!(error.kind, ErrorKind::OutOfMemory);
    let limit = error.limit.as_ref().unwrap();
    assert_eq!((limit.name.as_str(), limit.limit), ("memory-bytes", 16 << 20));
    assert!(limit.used > limit.limit, "{limit:?}");
    assert!(error.backtrace.iter().any(|frame| frame.contains("malloc")), "{:?}", error.backtrace);
    assert_eq!(value::<usize>(&host, &modest).await, 8 << 20);
    let peak = modest.receipt().unwrap().memory_peak_bytes;
    assert!((8 << 20..=16 << 20).contains(&peak), "{peak}");
    finish(host).await;
}

#[tokio::test]
async fn a_guest_that_starts_beyond_its_memory_is_refused() {
    let (host, module) = host_with(builder(), "limits").await;
    let options = TaskOptions::new().memory_bytes(64 << 10);
    let task = module.task("add").arg(1).arg(2).options(options).submit().await;
    let error = error(&host, &task).await;
    assert_eq!((error.kind, error.limit.as_ref().unwrap().limit), (ErrorKind::OutOfMemory, 64 << 10), "{error:#}");
    finish(host).await;
}

#[tokio::test]
async fn output() {
    let (host, module) = host_with(builder(), "limits").await;
    let options = TaskOptions::new().output_bytes(10_000);
    let chatter = module.task("chatter").arg(1_000_000usize).options(options).submit().await;
    let error = error(&host, &chatter).await;
    assert_eq!(error.kind, ErrorKind::LimitExceeded);
    assert_eq!(error.limit.as_ref().unwrap().name, "output-bytes");
    finish(host).await;
}

#[tokio::test]
async fn handles() {
    let (host, module) = host_with(builder(), "limits").await;
    let hoard = module.task("hoard").arg(2_000_000usize).submit().await;
    let error = error(&host, &hoard).await;
    assert_eq!(error.kind, ErrorKind::LimitExceeded, "{error:#}");
    let limit = error.limit.as_ref().unwrap();
    assert_eq!((limit.name.as_str(), limit.limit), ("handles", rustyray_host::limits::HANDLES_MAX as u64));
    drop(hoard);
    settled(&host, "all that the crashed guest held to go", |stats| stats.objects == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn the_stack() {
    let (host, module) = host_with(builder(), "limits").await;
    let deep = module.task("recurse").arg(u64::MAX).submit().await;
    let shallow = module.task("recurse").arg(100u64).submit().await;
    let error = error(&host, &deep).await;
    assert_eq!(error.kind, ErrorKind::WorkerCrashed);
    assert!(error.message.contains("stack overflow"), "{error}");
    value::<u64>(&host, &shallow).await;
    finish(host).await;
}

#[tokio::test]
async fn declared_limits_hold_and_a_call_can_change_them() {
    let (host, module) = host_with(builder(), "limits").await;
    let run =
        |lines: usize, mebibytes: usize, options| module.task("modest").arg(lines).arg(mebibytes).options(options);
    let memory = run(0, 32, TaskOptions::new()).submit().await;
    assert_eq!(error(&host, &memory).await.limit.as_ref().unwrap().limit, 8 << 20);
    let more = run(0, 32, TaskOptions::new().memory_bytes(64 << 20).fuel(u64::MAX)).submit().await;
    assert_eq!(value::<usize>(&host, &more).await, 32 << 20);
    let output = run(100, 0, TaskOptions::new()).submit().await;
    assert_eq!(error(&host, &output).await.limit.as_ref().unwrap().limit, 1024);
    finish(host).await;
}

#[tokio::test]
async fn nobody_gets_more_than_the_host_allows() {
    let ceiling = TaskLimits { fuel: Some(100_000_000), memory_bytes: 4 << 20, ..TaskLimits::ceiling() };
    let (host, module) = host_with(builder().ceiling(ceiling), "limits").await;
    let greedy = TaskOptions::new().fuel(u64::MAX).memory_bytes(u64::MAX).timeout(Duration::MAX);
    let spin = module.task("spin").options(greedy.clone()).submit().await;
    assert_eq!(error(&host, &spin).await.limit.as_ref().unwrap().limit, 100_000_000);
    let hog = module.task("hog").arg(8usize).options(greedy).submit().await;
    assert_eq!(error(&host, &hog).await.limit.as_ref().unwrap().limit, 4 << 20);
    finish(host).await;
}

#[tokio::test]
async fn fuel_is_counted_and_can_be_shared() {
    let (host, module) = host_with(builder(), "limits").await;
    let unlimited = module.task("fuel_left").submit().await;
    assert_eq!(value::<(Option<u64>, Option<u64>)>(&host, &unlimited).await, (None, None));
    let limited = module.task("fuel_left").options(TaskOptions::new().fuel(5_000_000)).submit().await;
    let (before, after) = value::<(Option<u64>, Option<u64>)>(&host, &limited).await;
    assert!(before < Some(5_000_000) && after < before, "{before:?} {after:?}");

    let shared = module.task("share").arg(1_000_000u64).options(TaskOptions::new().fuel(5_000_000)).submit().await;
    let (before, after, childs) = value::<(u64, u64, u64)>(&host, &shared).await;
    assert!(before - after >= 1_000_000, "taken out of its own: {before} {after}");
    assert!((900_000..=1_000_000).contains(&childs), "{childs}");

    let too_much = module.task("share").arg(6_000_000u64).options(TaskOptions::new().fuel(5_000_000)).submit().await;
    let error = error(&host, &too_much).await;
    assert_eq!((error.kind, error.causes[0].kind), (ErrorKind::TaskFailed, ErrorKind::OutOfFuel), "{error:#}");
    finish(host).await;
}
