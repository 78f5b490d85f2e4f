//! Modules that share a host: what one of them holds for ever keeps no other from its share.

use rustyray_host::{ActorOptions, ErrorKind, Host, HostBuilder, Module, TaskOptions};

use crate::support::{builder, error, finish, guest, host_with, settled, value};

/// A host with two modules.
async fn host_of_two(builder: HostBuilder) -> (Host, Module, Module) {
    let (host, module) = host_with(builder, "progress").await;
    let neighbour = host.load_file_as("neighbour", guest("progress")).await.expect("the guest loads");
    (host, module, neighbour)
}

async fn one(host: &Host, module: &Module) -> u32 {
    value(host, &module.task("one").submit().await).await
}

#[tokio::test]
async fn who_spins_on_all_cpus_holds_up_no_other_module() {
    let (host, module, neighbour) = host_of_two(builder().threads(2).cpus(2.0)).await;
    let spinners = [module.task("spin").submit().await, module.task("spin").submit().await];
    settled(&host, "all CPUs to be taken", |stats| stats.running == 2).await;
    let own = module.task("one").submit().await;
    for _ in 0..100 {
        assert_eq!(one(&host, &neighbour).await, 1);
    }
    // More than its share is nobody's who comes later: but one task at least may always start.
    let large = neighbour.task("one").options(TaskOptions::new().num_cpus(2.0)).submit().await;
    assert_eq!(value::<u32>(&host, &large).await, 1);
    assert!(!own.is_ready(), "its own module has its share");
    spinners.iter().for_each(|object| host.cancel(object));
    assert_eq!(value::<u32>(&host, &own).await, 1);
    finish(host).await;
}

#[tokio::test]
async fn an_idle_actor_that_declared_all_cpus_holds_up_no_other_module() {
    let (host, module, neighbour) = host_of_two(builder().threads(2).cpus(2.0)).await;
    let actor = module.actor("Counter").options(ActorOptions::new().call(TaskOptions::new().num_cpus(2.0))).create();
    assert_eq!(value::<u32>(&host, &actor.call("add").arg(1u32).submit().await).await, 1);
    assert_eq!(one(&host, &neighbour).await, 1);
    assert_eq!(value::<u32>(&host, &actor.call("add").arg(1u32).submit().await).await, 2);
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn nothing_is_kept_for_modules_that_are_gone() {
    let (host, module, neighbour) = host_of_two(builder().threads(2).cpus(16.0).instances(16)).await;
    let naps: Vec<_> = (0..16).map(|_| module.task("nap").arg(3_600_000u64).try_submit()).collect();
    settled(&host, "all but what is kept to run", |stats| stats.running == 15).await;
    drop(neighbour);
    settled(&host, "the last to run", |stats| stats.running == 16).await;
    naps.iter().for_each(|nap| host.cancel(nap));
    finish(host).await;
}

#[tokio::test]
async fn who_holds_instances_for_ever_leaves_some_to_each_other_module() {
    let (host, module, neighbour) = host_of_two(builder().instances(16)).await;
    let third = host.load_file_as("third", guest("progress")).await.expect("the guest loads");
    let mut actors = Vec::new();
    let refused = loop {
        let actor = module.actor("Counter").create();
        let call = actor.call("add").arg(1u32).submit().await;
        match host.get::<u32>(&call).await {
            Ok(_) => actors.push(actor),
            Err(refused) => break refused,
        }
    };
    assert!(refused.causes.iter().any(|cause| cause.kind == ErrorKind::InstancesExhausted), "{refused:?}");
    assert_eq!(actors.len(), 14, "one of sixteen for each of the two others");
    for other in [&neighbour, &third] {
        assert_eq!(one(&host, other).await, 1);
    }
    let exhausted = error(&host, &module.task("one").submit().await).await;
    assert_eq!(exhausted.kind, ErrorKind::InstancesExhausted);
    actors.clear();
    finish(host).await;
}
