//! Objects: stored, passed, held, and gone when nobody wants them.

use std::ops::Range;
use std::time::Duration;

use rustyray_host::{ErrorKind, Host, Module, ObjectRef};

use rustyray_tests::{builder, error, finish, host_with, settled, value};

#[tokio::test]
async fn values_come_back_to_any_number_of_waiters() {
    let (host, module) = host_with(builder(), "objects").await;
    let put = host.put(&vec![1u8; 1 << 20]).unwrap();
    let lengths: Vec<ObjectRef> = (0..8).map(|_| module.task("count_bytes").arg_ref(&put).try_submit()).collect();
    for length in &lengths {
        assert_eq!(value::<usize>(&host, length).await, 1 << 20);
    }
    let made = module.task("make_bytes").arg(3usize).submit().await;
    let (a, b) = tokio::join!(host.get::<Vec<u8>>(&made), host.get::<Vec<u8>>(&made));
    assert_eq!((a.unwrap(), b.unwrap()), (vec![7; 3], vec![7; 3]));
    finish(host).await;
}

#[tokio::test]
async fn what_nobody_holds_is_gone() {
    let (host, module) = host_with(builder(), "objects").await;
    let put = host.put(&vec![1u8; 1000]).unwrap();
    let length = module.task("count_bytes").arg_ref(&put).submit().await;
    value::<usize>(&host, &length).await;
    assert_eq!(host.stats().objects, 2);
    drop((put, length));
    settled(&host, "the objects to go", |stats| stats.objects == 0 && stats.object_bytes == stats.manifest_bytes).await;
    finish(host).await;
}

#[tokio::test]
async fn references_inside_values_keep_their_objects() {
    let (host, module) = host_with(builder(), "objects").await;
    let stored = module.task("stored").arg(10u32).submit().await;
    host.value(&stored, None).await.unwrap();
    settled(&host, "the task to end", |stats| stats.instances == 0).await;
    assert_eq!(host.stats().objects, 11, "the list and what it refers to");
    let sum = module.task("add_up").arg_ref(&stored).submit().await;
    assert_eq!(value::<u32>(&host, &sum).await, 45);
    drop((stored, sum));
    settled(&host, "all to go", |stats| stats.objects == 0 && stats.object_bytes == stats.manifest_bytes).await;
    finish(host).await;
}

#[tokio::test]
async fn references_nest() {
    let (host, module) = host_with(builder(), "objects").await;
    let tree = module.task("tree").arg(4u32).submit().await;
    let weight = module.task("weigh").arg_ref(&tree).submit().await;
    assert_eq!(value::<u32>(&host, &weight).await, 31);
    drop((tree, weight));
    settled(&host, "the tree to go", |stats| stats.objects == 0).await;
    finish(host).await;
}

#[tokio::test]
async fn a_crash_drops_what_the_guest_held() {
    let (host, module) = host_with(builder(), "objects").await;
    let crash = module.task("crash_with").arg(100u32).submit().await;
    assert!(error(&host, &crash).await.message.contains("100 handles in hand"));
    drop(crash);
    settled(&host, "the handles to go", |stats| stats.objects == 0 && stats.object_bytes == stats.manifest_bytes).await;
    finish(host).await;
}

#[tokio::test]
async fn a_full_store_says_so_and_recovers() {
    let (host, module) = host_with(builder().object_store_bytes(1 << 20), "objects").await;
    let fill = module.task("fill").arg(100usize).arg(100_000usize).submit().await;
    let (held, why) = value::<(usize, Option<String>)>(&host, &fill).await;
    assert_eq!(held, 10);
    let why = why.unwrap();
    assert!(why.starts_with("ObjectStoreFull") && why.contains("1048576"), "{why}");

    let too_big = module.task("make_bytes").arg(2usize << 20).submit().await;
    assert_eq!(error(&host, &too_big).await.kind, ErrorKind::ObjectStoreFull);
    assert_eq!(host.put(&vec![0u8; 2 << 20]).unwrap_err().kind, ErrorKind::ObjectStoreFull);
    let argument = module.task("count_bytes").arg(vec![0u8; 2 << 20]).submit().await;
    assert_eq!(error(&host, &argument).await.kind, ErrorKind::ObjectStoreFull);

    let fits = module.task("make_bytes").arg(500_000usize).submit().await;
    assert_eq!(value::<Vec<u8>>(&host, &fits).await.len(), 500_000);
    finish(host).await;
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error() {
    let (host, module) = host_with(builder(), "objects").await;
    let made = module.task("make_bytes").arg(3usize).submit().await;
    let error = host.get::<String>(&made).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    finish(host).await;
}

/// What `part_of` gives of the bytes that `made` refers to.
async fn part(host: &Host, module: &Module, task: &str, made: &ObjectRef, range: Range<u64>) -> (Vec<u8>, u64) {
    let part = module.task(task).arg_ref(made).arg(range.start).arg(range.end).submit().await;
    value(host, &part).await
}

#[tokio::test]
async fn bytes_are_read_in_parts() {
    let (host, module) = host_with(builder(), "objects").await;
    let stored = module.task("stored_bytes").arg(200usize).submit().await;
    let promised = module.task("promised_bytes").arg(200usize).submit().await;
    for task in ["part_of", "part_of_blocking"] {
        assert_eq!(part(&host, &module, task, &stored, 5..8).await, (vec![5, 6, 7], 200));
        assert_eq!(part(&host, &module, task, &stored, 198..300).await, (vec![198, 199], 200), "cut at the end");
        assert_eq!(part(&host, &module, task, &stored, 200..u64::MAX).await, (vec![], 200));
        assert_eq!(part(&host, &module, task, &stored, u64::MAX - 1..u64::MAX).await, (vec![], 200));
        assert_eq!(part(&host, &module, task, &stored, 0..u64::MAX).await.0.len(), 200);
        assert_eq!(part(&host, &module, task, &promised, 5..8).await, (vec![7; 3], 200));
    }
    finish(host).await;
}

#[tokio::test]
async fn a_part_is_all_that_is_copied_and_counted() {
    let (host, module) = host_with(builder(), "objects").await;
    let stored = module.task("stored_bytes").arg(4usize << 20).submit().await;
    let part = module.task("part_of").arg_ref(&stored).arg((4u64 << 20) - 100).arg(u64::MAX).submit().await;
    assert_eq!(value::<(Vec<u8>, u64)>(&host, &part).await, ((156..=255).collect(), 4 << 20));
    let bytes_in = part.receipt().expect("it has ended").bytes_in;
    assert!((100..200).contains(&bytes_in), "a hundred bytes, and the arguments: {bytes_in}");
    finish(host).await;
}

#[tokio::test]
async fn what_is_not_bytes_has_no_parts() {
    let (host, module) = host_with(builder(), "objects").await;
    // References to numbers, read as if they led to bytes.
    let numbers = module.task("stored").arg(1u32).submit().await;
    for task in ["part_of", "part_of_blocking"] {
        let part = module.task(task).arg_ref(&numbers).arg(0u64).arg(1u64).submit().await;
        let error = error(&host, &part).await;
        assert_eq!(error.causes[0].kind, ErrorKind::InvalidArgument, "{error}");
        assert!(error.message.contains("only plain bytes have parts"), "{error}");
    }
    finish(host).await;
}

#[tokio::test]
async fn a_wait_of_the_embedder_says_what_is_ready_and_refuses_what_cannot_be_meant() {
    let (host, module) = host_with(builder(), "objects").await;
    let [one, two] = [1u32, 2].map(|value| host.put(&value).unwrap());
    let never = module.actor("Nobody").create().ready();
    let _ = error(&host, &never).await;
    let (ready, rest) = host.wait(&[], 3, None).await.unwrap();
    assert!(ready.is_empty() && rest.is_empty());
    let ids = |objects: &[ObjectRef]| objects.iter().map(|object| object.id()).collect::<Vec<_>>();
    // An error is ready as well.
    for timeout in [None, Some(Duration::ZERO)] {
        let (ready, rest) = host.wait(&[never.clone(), one.clone(), two.clone()], 2, timeout).await.unwrap();
        assert_eq!((ids(&ready), ids(&rest)), (vec![never.id(), one.id()], vec![two.id()]));
    }
    for (count, twice) in [(0, false), (3, false), (2, true)] {
        let other = if twice { one.clone() } else { two.clone() };
        let refused = host.wait(&[one.clone(), other], count, None).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::InvalidArgument, "{refused:#}");
    }
}
