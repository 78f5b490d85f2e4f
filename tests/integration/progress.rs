//! Nothing stops a host: what has room starts, who waits for room hears of it, and nobody is failed for want of what will come.

use std::time::Duration;

use rustyray_host::{ActorOptions, ErrorKind, Host, HostBuilder, Module, ObjectRef, TaskOptions};

use rustyray_tests::{builder, error, finish, host_with, settled, value, within};

/// More than anything that is kept or overtaken is counted to.
const MANY: u32 = 200;

async fn host_of(builder: HostBuilder) -> (Host, Module) {
    host_with(builder, "progress").await
}

fn gpu() -> TaskOptions {
    TaskOptions::new().resource("gpu", 1.0)
}

fn with_gpu() -> HostBuilder {
    builder().threads(2).cpus(2.0).resource("gpu", 1.0)
}

/// An actor that has nothing to do, and the gpu.
async fn idle_holder(host: &Host, module: &Module) -> rustyray_host::ActorHandle {
    let holder = module.actor("Counter").options(ActorOptions::new().call(gpu())).create();
    value::<u32>(host, &holder.call("add").arg(1u32).submit().await).await;
    holder
}

#[tokio::test]
async fn what_a_queued_actor_was_the_last_to_hold_goes_without_a_lock() {
    let (host, module) = host_of(builder().threads(2).cpus(2.0)).await;
    for _ in 0..10 {
        let task = module.task("drops_what_was_queued").arg(2.0f64).submit().await;
        assert_eq!(value::<u32>(&host, &task).await, 1);
    }
    finish(host).await;
}

#[tokio::test]
async fn a_constructor_that_never_began_holds_nothing() {
    let (host, module) = host_of(with_gpu()).await;
    let holder = idle_holder(&host, &module).await;
    let held = module.actor("Counter").create();
    value::<u32>(&host, &held.call("add").arg(1u32).submit().await).await;
    let reference = rustyray_host::Reference::Actor(held.actor_ref().clone());
    let payload = |text: &'static str, reference| rustyray_host::Payload {
        encoding: rustyray_host::Encoding::Json,
        data: text.into(),
        references: vec![reference].into(),
    };
    let argument = host.put_payload(payload("0", reference)).unwrap();
    let waiting = module.actor("Two").options(ActorOptions::new().call(gpu()));
    let waiting = waiting.arg_ref(&argument).arg_ref(&argument).create();
    let ready = waiting.ready();
    drop((held, argument));
    host.cancel(&ready);
    assert_eq!(error(&host, &ready).await.kind, ErrorKind::TaskCancelled);
    settled(&host, "the actor that it was to hold to end", |stats| stats.actors == 1).await;
    drop((holder, waiting));
    finish(host).await;
}

#[tokio::test]
async fn an_actor_that_is_told_that_all_is_over_serves_what_comes_next() {
    let limits = rustyray_host::limits::TaskLimits { memory_bytes: 1 << 30, ..Default::default() };
    let (host, module) = host_of(builder().threads(2).cpus(2.0).default_limits(limits)).await;
    for count in 1..=12u32 {
        let actor = module.actor("Busy").create();
        let calls: Vec<_> = (0..6).map(|_| actor.call("puts").arg(count).arg(1_000_000usize).try_submit()).collect();
        let mut answers = Vec::new();
        for call in &calls {
            answers.push(value::<u32>(&host, call).await);
        }
        answers.sort_unstable();
        assert_eq!(answers, [1, 2, 3, 4, 5, 6]);
    }
    finish(host).await;
}

#[tokio::test]
async fn who_waits_for_room_hears_of_calls_that_are_served() {
    let (host, module) = host_of(builder().threads(2).cpus(2.0).pending_tasks(4)).await;
    let counter = module.actor("Counter").create();
    let mut calls = Vec::new();
    for n in 0..MANY {
        // The first one keeps the actor for a moment, so that the queue fills.
        let call = if n == 0 { counter.call("nap").arg(100u64) } else { counter.call("add").arg(1u32) };
        calls.push(within(call.submit(), "room for a call").await);
    }
    assert_eq!(value::<u32>(&host, calls.last().unwrap()).await, MANY - 1);
    drop(counter);
    finish(host).await;
}

#[tokio::test]
async fn who_waits_for_room_hears_of_tasks_that_start() {
    let (host, module) = host_of(builder().threads(2).cpus(2.0).pending_tasks(1)).await;
    let mut naps = Vec::new();
    for _ in 0..4 {
        // None of them ends.
        naps.push(within(module.task("nap").arg(3_600_000u64).submit(), "the one before to start").await);
    }
    settled(&host, "all to run", |stats| stats.running == 4).await;
    naps.iter().for_each(|nap| host.cancel(nap));
    finish(host).await;
}

#[tokio::test]
async fn who_goes_before_it_has_room_leaves_it_to_the_next() {
    let (host, module) = host_of(builder().threads(1).cpus(1.0).pending_tasks(1)).await;
    let spin = module.task("spin").submit().await;
    settled(&host, "the slot to be taken", |stats| stats.running == 1).await;
    let queued = module.task("one").submit().await;
    let mut impatient = Box::pin(module.task("one").submit());
    let mut patient = Box::pin(module.task("one").submit());
    assert!(futures::poll!(&mut impatient).is_pending() && futures::poll!(&mut patient).is_pending());
    host.cancel(&queued);
    drop(impatient);
    host.cancel(&spin);
    let patient = within(patient, "room").await;
    assert_eq!(value::<u32>(&host, &patient).await, 1);
    finish(host).await;
}

#[tokio::test]
async fn what_needs_none_of_it_passes_who_waits_for_a_resource() {
    let (host, module) = host_of(with_gpu()).await;
    let holder = idle_holder(&host, &module).await;
    let waiting = module.task("one").options(gpu()).submit().await;
    for _ in 0..MANY {
        assert_eq!(value::<u32>(&host, &module.task("one").submit().await).await, 1);
    }
    let actor = module.actor("Counter").create();
    assert_eq!(value::<u32>(&host, &actor.call("add").arg(1u32).submit().await).await, 1);
    assert!(!waiting.is_ready());
    holder.kill(false);
    assert_eq!(value::<u32>(&host, &waiting).await, 1);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn other_modules_pass_who_waits_for_all_cpus() {
    let (host, module) = host_of(builder().threads(2).cpus(2.0)).await;
    let neighbour = host.load_file_as("neighbour", rustyray_testkit::guest("progress")).await.expect("the guest loads");
    let spin = module.task("spin").submit().await;
    settled(&host, "one slot to be taken", |stats| stats.running == 1).await;
    let large = module.task("one").options(TaskOptions::new().num_cpus(2.0)).submit().await;
    for _ in 0..MANY {
        assert_eq!(value::<u32>(&host, &neighbour.task("one").submit().await).await, 1);
    }
    assert!(!large.is_ready());
    host.cancel(&spin);
    assert_eq!(value::<u32>(&host, &large).await, 1);
    finish(host).await;
}

#[tokio::test]
async fn children_pass_who_waits_for_what_their_parent_holds() {
    let (host, module) = host_of(with_gpu()).await;
    // The parent's children pass the second one far more often than it is to be overtaken.
    let first = module.task("parent").arg(3 * MANY).options(gpu()).submit().await;
    settled(&host, "it to run", |stats| stats.running > 0).await;
    let others: Vec<ObjectRef> =
        (0..MANY).map(|_| module.task("parent").arg(1u32).options(gpu()).try_submit()).collect();
    assert_eq!(value::<u32>(&host, &first).await, 3 * MANY);
    for other in &others {
        assert_eq!(value::<u32>(&host, other).await, 1);
    }
    finish(host).await;
}

#[tokio::test]
async fn what_rests_between_two_attempts_is_waited_for() {
    let (host, module) = host_of(with_gpu()).await;
    // Far longer than a host takes to see that nothing moves.
    let first = module.task("parent_of_retried").arg(500u64).options(gpu()).submit().await;
    settled(&host, "it to run", |stats| stats.running > 0).await;
    let second = module.task("parent").arg(1u32).options(gpu()).submit().await;
    assert_eq!((value::<u32>(&host, &first).await, value::<u32>(&host, &second).await), (7, 1));
    finish(host).await;
}

#[tokio::test]
async fn a_stream_that_the_embedder_takes_slowly_is_waited_for() {
    let (host, module) = host_of(with_gpu()).await;
    let mut items = module.task("numbers").arg(40u32).options(gpu()).stream().await;
    assert_eq!(items.next_value::<u32>().await.unwrap().unwrap(), 0);
    let second = module.task("parent").arg(1u32).options(gpu()).submit().await;
    // Longer than a host takes to see that nothing moves.
    let early = host.get_within::<u32>(&second, Duration::from_millis(300)).await;
    assert_eq!(early.unwrap_err().kind, ErrorKind::GetTimeout);
    let mut taken = 1;
    while let Some(item) = items.next_value::<u32>().await {
        assert_eq!(item.unwrap(), taken);
        taken += 1;
    }
    assert_eq!((taken, value::<u32>(&host, &second).await), (40, 1));
    finish(host).await;
}

#[tokio::test]
async fn who_fails_at_a_standstill_is_one_that_somebody_waits_for() {
    let (host, module) = host_of(builder().instances(2).threads(2).cpus(2.0)).await;
    let first = module.task("parent").arg(1u32).submit().await;
    let second = module.task("parent").arg(1u32).submit().await;
    let innocent: Vec<_> =
        (0..20).map(|_| module.task("one").options(TaskOptions::new().priority(1)).try_submit()).collect();
    let outcomes = [host.get::<u32>(&first).await, host.get::<u32>(&second).await];
    for outcome in outcomes.into_iter().filter_map(Result::err) {
        assert!(outcome.causes.iter().any(|cause| cause.kind == ErrorKind::InstancesExhausted), "{outcome:#}");
    }
    for task in &innocent {
        assert_eq!(value::<u32>(&host, task).await, 1, "nobody waits for it");
    }
    finish(host).await;
}

#[tokio::test]
async fn a_standstill_behind_an_actor_that_serves_several_ends_as_well() {
    let (host, module) = host_of(builder().instances(1).threads(2).cpus(2.0)).await;
    let actor = module.actor("Ring").create();
    let call = actor.call("parent").submit().await;
    let told = error(&host, &call).await;
    assert!(told.causes.iter().any(|cause| cause.kind == ErrorKind::InstancesExhausted), "{told:#}");
    drop(actor);
    finish(host).await;
}

/// The circle that an error tells of.
fn circle(error: &rustyray_host::TaskError) -> String {
    let told = error.causes.iter().find(|cause| cause.kind == ErrorKind::Deadlock).map(|cause| cause.message.clone());
    let told = told.or_else(|| (error.kind == ErrorKind::Deadlock).then(|| error.message.clone()));
    told.unwrap_or_else(|| panic!("no deadlock: {error:#}"))
}

#[tokio::test]
async fn calls_that_an_actor_serves_at_once_and_that_wait_for_a_third_are_a_deadlock() {
    let (host, module) = host_of(builder().threads(2).cpus(2.0)).await;
    for task in ["ring", "ring_of_two"] {
        let stuck = module.task(task).arg(9u32).submit().await;
        let circle = circle(&*error(&host, &stuck).await);
        assert!(circle.contains("Narrow."), "{circle}");
    }
    // As many as may be, and no more.
    assert_eq!(value::<u32>(&host, &module.task("ring").arg(1u32).submit().await).await, 1);
    assert_eq!(value::<u32>(&host, &module.task("ring_of_two").arg(3u32).submit().await).await, 3);
    assert_eq!(value::<u32>(&host, &module.task("ring_with_a_side").arg(1u32).submit().await).await, 2);
    finish(host).await;
}

#[tokio::test]
async fn calls_of_several_that_wait_for_each_other_are_a_deadlock_and_one_of_them_fails() {
    let (host, module) = host_of(builder().threads(2).cpus(2.0)).await;
    let busy = module.task("spin").submit().await;
    let circle = module.task("circle_of_calls").submit().await;
    let ends = value::<Vec<String>>(&host, &circle).await;
    // The last that began to wait is told, and those that wait for it hear so.
    assert!(ends.iter().all(|end| end.contains("each waits for the next")), "{ends:?}");
    host.cancel(&busy);
    drop((busy, circle));
    settled(&host, "nothing to be left", |stats| (stats.actors, stats.instances, stats.objects) == (0, 0, 0)).await;
    finish(host).await;
}

#[tokio::test]
async fn who_waits_behind_a_stream_that_it_does_not_take_is_in_a_deadlock() {
    let (host, module) = host_of(builder().threads(2).cpus(2.0)).await;
    let busy = module.task("spin").submit().await;
    let told = "each waits for the next";
    let (next, stream) = value(&host, &module.task("waits_behind_its_stream").arg(1000u32).submit().await).await;
    let ends: [String; 2] = [next, stream];
    assert_eq!(ends.iter().filter(|end| end.contains(told)).count(), 1, "{ends:?}");
    // What goes into the stream at once holds nobody up.
    let fits = module.task("waits_behind_its_stream").arg(5u32).submit().await;
    assert_eq!(value::<(String, String)>(&host, &fits).await, ("1".to_owned(), "10".to_owned()));
    host.cancel(&busy);
    finish(host).await;
}

#[tokio::test]
async fn a_parent_that_holds_what_its_child_needs_is_a_deadlock_also_on_a_busy_host() {
    let (host, module) = host_of(with_gpu()).await;
    let busy = module.task("spin").submit().await;
    let parent = module.task("parent_of_one_with_gpu").options(gpu()).submit().await;
    let told = circle(&*error(&host, &parent).await);
    assert!(told.contains("one -> parent_of_one_with_gpu -> one"), "{told}");

    let actor = module.actor("Counter").options(ActorOptions::new().call(gpu())).create();
    let told = circle(&*error(&host, &actor.call("wait_for_one_with_gpu").submit().await).await);
    assert!(told.contains("one -> Counter.wait_for_one_with_gpu -> one"), "{told}");
    drop(actor);
    settled(&host, "the gpu to be free", |stats| stats.actors == 0).await;

    // Without the gpu the parent waits for one that gets it.
    let parent = module.task("parent_of_one_with_gpu").submit().await;
    assert_eq!(value::<u32>(&host, &parent).await, 1);
    host.cancel(&busy);
    finish(host).await;
}
