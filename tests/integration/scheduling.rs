//! Who runs when.

use rustyray_host::{ActorOptions, ErrorKind, Module, ObjectRef, TaskOptions};

use rustyray_tests::{Lines, builder, error, finish, guest, host_with, settled, value, within};

#[tokio::test]
async fn a_chain_of_ten_thousand_from_the_embedder() {
    let (host, module) = host_with(builder(), "waiting").await;
    let mut link = module.task("increment").arg(0u32).submit().await;
    for _ in 1..10_000 {
        link = module.task("increment").arg_ref(&link).submit().await;
    }
    assert_eq!(value::<u32>(&host, &link).await, 10_000);
    finish(host).await;
}

#[tokio::test]
async fn a_chain_of_ten_thousand_from_a_guest() {
    let (host, module) = host_with(builder(), "waiting").await;
    let chain = module.task("chain").arg(10_000u32).submit().await;
    assert_eq!(value::<u32>(&host, &chain).await, 10_000);
    finish(host).await;
}

#[tokio::test]
async fn a_chain_of_ten_thousand_that_fails() {
    let (host, module) = host_with(builder(), "waiting").await;
    let first = module.task("increment").arg("no number".to_owned()).submit().await;
    let mut link = first;
    for _ in 1..10_000 {
        link = module.task("increment").arg_ref(&link).submit().await;
    }
    let error = error(&host, &link).await;
    assert_eq!(error.kind, ErrorKind::DependencyFailed);
    assert_eq!(error.causes.len(), rustyray_host::limits::CAUSES_MAX);
    finish(host).await;
}

#[tokio::test]
async fn a_recursion_two_thousand_deep_on_one_slot() {
    let (host, module) = host_with(builder().cpus(1.0).instances(2_100), "waiting").await;
    let deep = module.task("descend").arg(2_000u32).submit().await;
    assert_eq!(value::<u32>(&host, &deep).await, 2_000);
    finish(host).await;
}

#[tokio::test]
async fn a_recursion_deeper_than_the_instances_fails_and_does_not_hang() {
    let (host, module) = host_with(builder().instances(16), "waiting").await;
    let deep = module.task("descend").arg(100u32).submit().await;
    let error = error(&host, &deep).await;
    assert!(error.causes.iter().any(|cause| cause.kind == ErrorKind::InstancesExhausted), "{error:#}");
    finish(host).await;
}

/// Submits notes behind a task that holds the only slot, and gives the order in which they ran.
async fn order_of(notes: &[(&str, TaskOptions)]) -> Vec<String> {
    let lines = Lines::default();
    let (host, module) = host_with(builder().cpus(1.0).on_log(lines.sink()), "waiting").await;
    let holder = module.task("spin").submit().await;
    settled(&host, "the slot to be taken", |stats| stats.running == 1).await;
    let mut submitted = Vec::new();
    for (text, options) in notes {
        submitted.push(module.task("note").arg((*text).to_owned()).options(options.clone()).submit().await);
    }
    host.cancel(&holder);
    within(host.wait(&submitted, submitted.len(), None), "the notes").await.unwrap();
    finish(host).await;
    lines.lines().iter().map(|line| line.text.clone()).collect()
}

#[tokio::test]
async fn first_come_first_served() {
    let notes = ["a", "b", "c", "d", "e"].map(|text| (text, TaskOptions::new()));
    assert_eq!(order_of(&notes).await, ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn higher_priorities_first() {
    let notes = [("low", -1), ("first", 0), ("second", 0), ("high", 5)];
    let notes = notes.map(|(text, priority)| (text, TaskOptions::new().priority(priority)));
    assert_eq!(order_of(&notes).await, ["high", "first", "second", "low"]);
}

#[tokio::test]
async fn modules_take_turns_however_much_one_of_them_submits() {
    let lines = Lines::default();
    let (host, flood) = host_with(builder().resource("gate", 1.0).on_log(lines.sink()), "waiting").await;
    let modest = host.load_file(guest("waiting")).await.unwrap();
    // Of CPUs each would have its share at once.
    let gate = || TaskOptions::new().resource("gate", 1.0);
    let holder = flood.task("spin").options(gate()).submit().await;
    settled(&host, "the gate to be taken", |stats| stats.running == 1).await;
    let note = |module: &Module, text: &str| module.task("note").arg(text.to_owned()).options(gate()).try_submit();
    let mut submitted: Vec<_> = (0..10_000).map(|_| note(&flood, "flood")).collect();
    submitted.extend((0..3).map(|_| note(&modest, "modest")));
    host.cancel(&holder);
    within(host.wait(&submitted, submitted.len(), None), "the notes").await.unwrap();
    finish(host).await;
    let order: Vec<_> = lines.lines().iter().map(|line| line.text.clone()).collect();
    // Who is first is left open: the flood has had a turn already, or not.
    let places: Vec<_> = (0..order.len()).filter(|place| order[*place] == "modest").collect();
    assert!(places == [0, 2, 4] || places == [1, 3, 5], "{places:?}");
}

#[tokio::test]
async fn tasks_wait_for_the_memory_that_they_may_use() {
    let memory = 64 << 20;
    // Room for three at a time, beside the store.
    let (host, module) =
        host_with(builder().cpus(16.0).object_store_bytes(10 << 20).memory_bytes((10 << 20) + 3 * memory), "waiting")
            .await;
    let needing = |task: &str, bytes: u64| module.task(task).options(TaskOptions::new().memory_bytes(bytes));
    let holders: Vec<_> = (0..5).map(|_| needing("spin", memory).try_submit()).collect();
    settled(&host, "three to run", |stats| (stats.running, stats.pending) == (3, 2)).await;
    let small = needing("increment", 2 << 20).arg(1u32).submit().await;
    host.cancel(&holders[0]);
    settled(&host, "the next one to run", |stats| (stats.running, stats.pending) == (3, 2)).await;
    assert!(!small.is_ready(), "all is granted");
    holders.iter().for_each(|holder| host.cancel(holder));
    assert_eq!(value::<u32>(&host, &small).await, 2);

    let too_large = needing("increment", 4 * memory).arg(1u32).submit().await;
    let error = error(&host, &too_large).await;
    assert_eq!(error.kind, ErrorKind::TaskUnschedulable);
    assert!(error.message.contains("it may use 268435456 bytes of memory, and the host has 201326592"), "{error}");
    finish(host).await;
}

#[tokio::test]
async fn a_recursion_deeper_than_the_memory_fails_and_does_not_hang() {
    let (host, module) = host_with(builder().memory_bytes(1 << 30), "waiting").await;
    let deep = module.task("descend").arg(100u32).submit().await;
    let error = error(&host, &deep).await;
    assert!(error.causes.iter().any(|cause| cause.kind == ErrorKind::InstancesExhausted), "{error:#}");
    finish(host).await;
}

#[test]
fn a_memory_that_objects_take_whole_is_refused() {
    let error = builder().object_store_bytes(1 << 30).memory_bytes(1 << 30).build().err().expect("nothing is left");
    assert!(error.to_string().contains("leaves nothing for guests"), "{error}");
}

#[tokio::test]
async fn a_custom_resource_is_held_by_one_at_a_time() {
    let (host, module) = host_with(builder().cpus(8.0).resource("licence", 1.0), "waiting").await;
    let licensed = || TaskOptions::new().resource("licence", 1.0);
    let holder = module.task("spin").options(licensed()).submit().await;
    settled(&host, "the licence to be taken", |stats| stats.running == 1).await;
    let waiting = module.task("increment").arg(1u32).options(licensed()).submit().await;
    let free = module.task("increment").arg(1u32).submit().await;
    assert_eq!(value::<u32>(&host, &free).await, 2, "others pass");
    assert!(!waiting.is_ready());
    host.cancel(&holder);
    assert_eq!(value::<u32>(&host, &waiting).await, 2);
    finish(host).await;
}

#[tokio::test]
async fn amounts_that_cannot_be_are_refused() {
    let (host, module) = host_with(builder().resource("gpu", 1.0), "actors").await;
    let options = TaskOptions::new;
    let mut wrong = vec![options().resource("gpu", 0.1).resource("gpu", 0.1)];
    for amount in [-1.0, -0.0001, f64::NAN, f64::INFINITY, 0.0001] {
        wrong.extend([options().num_cpus(amount), options().resource("gpu", amount).resource("gpu", 1.0)]);
    }
    let counter = module.actor("Counter").create();
    for options in wrong {
        let main_options = options.clone();
        let task = module.task("no such task").options(options.clone()).submit().await;
        let call = counter.call("get").options(options.clone()).submit().await;
        let actor = module.actor("Counter").options(ActorOptions::new().call(options)).create();
        let main = module.main(Vec::new(), false, main_options);
        for object in [&task, &call, &actor.ready(), &main] {
            let refused = error(&host, object).await;
            let named = refused.message.contains("num_cpus") || refused.message.contains(r#"the resource "gpu""#);
            assert!(refused.kind == ErrorKind::InvalidArgument && named, "{refused:#}");
        }
    }
    finish(host).await;
}

#[tokio::test]
async fn one_that_needs_more_than_is_free_is_not_overtaken_for_ever() {
    let (host, module) = host_with(builder().cpus(2.0), "waiting").await;
    let holder = module.task("spin").submit().await;
    settled(&host, "one slot to be taken", |stats| stats.running == 1).await;
    let large = module.task("increment").arg(1u32).options(TaskOptions::new().num_cpus(2.0)).submit().await;
    let mut small = Vec::new();
    for _ in 0..200 {
        small.push(module.task("increment").arg(1u32).submit().await);
    }
    settled(&host, "the small ones to overtake as often as they may", |stats| {
        stats.succeeded == u64::from(rustyray_host::limits::OVERTAKEN_MAX)
    })
    .await;
    host.cancel(&holder);
    assert_eq!(value::<u32>(&host, &large).await, 2);
    within(host.wait(&small, small.len(), None), "the small ones").await.unwrap();
    finish(host).await;
}

#[tokio::test]
async fn a_full_queue_is_an_error_for_who_will_not_wait() {
    let (host, module) = host_with(builder().cpus(1.0).pending_tasks(3), "waiting").await;
    let spin = module.task("spin").submit().await;
    settled(&host, "the slot to be taken", |stats| stats.running == 1).await;
    let queued: Vec<ObjectRef> = (0..3u32).map(|n| module.task("increment").arg(n).try_submit()).collect();
    let refused = error(&host, &module.task("increment").arg(9u32).try_submit()).await;
    assert_eq!(refused.kind, ErrorKind::QueueFull);

    let mut patient = Box::pin(module.task("increment").arg(9u32).submit());
    assert!(futures::poll!(&mut patient).is_pending(), "who waits is held back");
    host.cancel(&spin);
    let patient = within(patient, "room in the queue").await;
    assert_eq!(value::<u32>(&host, &patient).await, 10);
    within(host.wait(&queued, 3, None), "the queue").await.unwrap();
    finish(host).await;
}

#[tokio::test]
async fn a_failed_attempt_is_followed_by_another() {
    let (host, module) = host_with(builder(), "waiting").await;
    let third = module.task("third_time").submit().await;
    assert_eq!(value::<u32>(&host, &third).await, 3);
    assert_eq!(third.receipt().unwrap().attempts, 3);
    let impatient = module.task("third_time").options(TaskOptions::new().max_retries(1)).submit().await;
    let error = error(&host, &impatient).await;
    assert_eq!((error.kind, error.attempt), (ErrorKind::WorkerCrashed, 2));
    finish(host).await;
}
