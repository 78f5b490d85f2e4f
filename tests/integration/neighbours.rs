//! Modules that share a host: what one of them holds for ever keeps no other from its share.

use std::sync::{Arc, Mutex};

use rustyray_host::{
    ActorOptions, ErrorKind, Host, HostBuilder, Module, ObjectRef, Receipt, TaskOptions, WeightError, limits,
};

use rustyray_tests::{builder, error, finish, guest, host_with, settled, value, within};

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

/// Which modules' tasks ended, in the order in which they did.
#[derive(Clone, Default)]
struct Finished(Arc<Mutex<Vec<Arc<str>>>>);

impl Finished {
    /// Notes the tasks of this function.
    fn of(&self, function: &'static str) -> impl Fn(&Receipt) + Send + Sync + 'static {
        let finished = self.0.clone();
        move |receipt| {
            if &*receipt.function == function {
                finished.lock().unwrap().push(receipt.module.clone());
            }
        }
    }

    /// How many of the first `count` were of this module.
    fn among_the_first(&self, count: usize, module: &Module) -> usize {
        let finished = self.0.lock().unwrap();
        assert!(finished.len() >= count, "{} have ended", finished.len());
        finished[..count].iter().filter(|name| ***name == *module.name()).count()
    }
}

/// So many tasks of each of two modules, which are ready at the same moment: what all of them need is held until they are there.
async fn together(
    host: &Host,
    modules: [&Module; 2],
    each: usize,
    function: &str,
    options: TaskOptions,
) -> Vec<ObjectRef> {
    let holds = TaskOptions::new().num_cpus(0.0).resource("gate", 1.0);
    let holder = modules[0].task("nap").arg(3_600_000u64).options(holds).submit().await;
    settled(host, "the gate to be held", |stats| stats.running == 1).await;
    let options = options.resource("gate", 0.001);
    let both = || modules.map(|module| module.task(function).options(options.clone()).try_submit());
    let tasks = (0..each).flat_map(|_| both()).collect();
    host.cancel(&holder);
    tasks
}

/// How many of the first half of all these tasks that ended are the heavy module's: the median of some rounds, because in one of them the
/// system may not give a thread its core.
async fn share_of_heavy(threads: usize, cpus: f64, weight: u32, each: usize, function: &'static str) -> usize {
    const ROUNDS: usize = 7;
    let mut shares = Vec::new();
    for _ in 0..ROUNDS {
        let finished = Finished::default();
        let builder = builder().threads(threads).cpus(cpus).resource("gate", 1.0).on_receipt(finished.of(function));
        let (host, light, heavy) = host_of_two(builder).await;
        heavy.set_weight(weight).unwrap();
        let fuel = TaskOptions::new().fuel(50 * limits::FUEL_SLICE);
        // All of the light one's end, too.
        for task in together(&host, [&light, &heavy], each, function, fuel).await {
            let _ = within(host.value(&task, None), "a task").await;
        }
        host.flush().await;
        shares.push(finished.among_the_first(each, &heavy));
        finish(host).await;
    }
    shares.sort_unstable();
    shares[ROUNDS / 2]
}

#[tokio::test]
async fn ready_tasks_take_turns_by_the_weights_of_their_modules() {
    for (weight, expected) in [(1, 80..=120), (3, 130..=170)] {
        let of_heavy = share_of_heavy(1, 8.0, weight, 200, "one").await;
        assert!(expected.contains(&of_heavy), "{of_heavy} of 200, with a weight of {weight}");
    }
}

/// The more CPUs there are for each thread the more of it is done by turns of what computes. As many as threads are what a host has by
/// default: then a module's part of them is none in whole CPUs.
#[tokio::test]
async fn tasks_that_compute_take_turns_by_the_weights_of_their_modules() {
    for (threads, cpus) in [(1, 8.0), (2, 2.0)] {
        for (weight, expected) in [(1, 9..=14), (3, 15..=24)] {
            let of_heavy = share_of_heavy(threads, cpus, weight, 24, "spin").await;
            let what = format!("with a weight of {weight}, {threads} threads and {cpus} CPUs");
            assert!(expected.contains(&of_heavy), "{of_heavy} of 24, {what}");
        }
    }
}

#[tokio::test]
async fn cpus_are_shared_by_the_weights_of_the_modules_that_want_them() {
    let (host, light, heavy) = host_of_two(builder().threads(2).cpus(4.0)).await;
    heavy.set_weight(3).unwrap();
    let spin = |module: &Module, count: u32| (0..count).map(|_| module.task("spin").try_submit()).collect::<Vec<_>>();
    let mut spinners = spin(&light, 5);
    settled(&host, "all CPUs to be one's that is alone", |stats| stats.running == 4).await;
    spinners.extend(spin(&heavy, 5));
    settled(&host, "the other to have its three quarters", |stats| (stats.running, stats.pending) == (7, 3)).await;
    spinners.iter().for_each(|object| host.cancel(object));
    finish(host).await;
}

#[tokio::test]
async fn instances_are_kept_by_the_weights_of_modules() {
    let (host, module, neighbour) = host_of_two(builder().instances(32).cpus(64.0)).await;
    let third = host.load_file_as("third", guest("progress")).await.expect("the guest loads");
    neighbour.set_weight(3).unwrap();
    assert_eq!((module.weight(), neighbour.weight(), third.weight()), (1, 3, 1));
    // Of four three fifths are two, and nobody has less than one.
    let naps: Vec<_> = (0..32).map(|_| module.task("nap").arg(3_600_000u64).try_submit()).collect();
    settled(&host, "all but what is kept to run", |stats| (stats.running, stats.pending) == (29, 3)).await;
    neighbour.set_weight(1).unwrap();
    settled(&host, "what was kept for its weight to be free", |stats| (stats.running, stats.pending) == (30, 2)).await;
    naps.iter().for_each(|nap| host.cancel(nap));
    finish(host).await;
}

#[tokio::test]
async fn a_weight_has_bounds_and_is_the_modules_whatever_its_version() {
    let (host, module, _neighbour) = host_of_two(builder()).await;
    for wrong in [0, limits::WEIGHT_MAX + 1] {
        assert_eq!(module.set_weight(wrong), Err(WeightError(wrong)));
    }
    assert_eq!(module.weight(), 1);
    module.set_weight(limits::WEIGHT_MAX).unwrap();
    module.replace_file(guest("progress")).await.unwrap();
    assert_eq!(module.clone().weight(), limits::WEIGHT_MAX);
    assert_eq!(one(&host, &module).await, 1);
    finish(host).await;
}
