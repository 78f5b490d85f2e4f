//! Actors by name, in pools, and one that ends itself.

use rustyray_host::{ActorOptions, ErrorKind};
use rustyray_tests::{builder, error, finish, host_with, value};

#[tokio::test]
async fn a_pool_shares_work_among_its_actors() {
    let (host, module) = host_with(builder(), "registry").await;
    let pooled = module.task("pooled").arg(3u32).arg(10u64).submit().await;
    let (ordered, unordered, unlucky, makers) = value::<(Vec<u64>, Vec<u64>, String, usize)>(&host, &pooled).await;
    let squares: Vec<u64> = (0..10).map(|n| n * n).collect();
    assert_eq!((&ordered, &unordered), (&squares, &squares));
    assert!(unlucky.contains("unlucky"), "{unlucky}");
    assert_eq!(makers, 3, "each has a share");
    finish(host).await;
}

#[tokio::test]
async fn of_several_that_want_the_same_one_creates_and_the_others_find() {
    let (host, module) = host_with(builder(), "registry").await;
    let all = module.task("one_for_all").arg(16u32).submit().await;
    let numbers = value::<Vec<u32>>(&host, &all).await;
    assert_eq!(numbers.len(), 16);
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
    let options = ActorOptions::new().name("one").get_if_exists(true);
    let found = module.actor("Squarer").arg(99u32).options(options).create();
    let number = found.call("number").submit().await;
    assert_eq!(value::<u32>(&host, &number).await, numbers[0]);
    let other = module.task("of_another_type").submit().await;
    let refused = error(&host, &other).await;
    assert!(refused.causes.iter().any(|cause| cause.kind == ErrorKind::ActorNameTaken), "{refused:#}");
    drop(found);
    finish(host).await;
}

#[tokio::test]
async fn a_name_is_unique_in_its_module_and_namespace() {
    let (host, module) = host_with(builder(), "registry").await;
    let numbers = module.task("namespaces").submit().await;
    assert_eq!(value::<Vec<u32>>(&host, &numbers).await, [1, 2, 3]);
    let options = ActorOptions::new().name("host's").namespace("mine");
    let created = module.actor("Squarer").arg(7u32).options(options).create();
    assert_eq!(module.find_actor_in("mine", "host's").unwrap().actor_ref().id(), created.actor_ref().id());
    let message = module.find_actor("host's").err().unwrap().message;
    assert_eq!(message, "no actor is named 'host\\'s'");
    let message = module.find_actor_in("yours", "host's").err().unwrap().message;
    assert!(message.ends_with("in the namespace 'yours'"), "{message}");
    drop(created);
    finish(host).await;
}

#[tokio::test]
async fn an_actor_ends_itself_after_its_call_and_does_not_restart() {
    let (host, module) = host_with(builder(), "registry").await;
    let rounds = module.task("rounds").submit().await;
    let (served, failed, generation) = value::<(Vec<u32>, Vec<String>, u32)>(&host, &rounds).await;
    assert_eq!((served, generation), (vec![1, 2, 3], 1));
    assert_eq!(failed, ["actor-died", "actor-died"]);
    let guard = module.actor("Guard").create();
    for _ in 0..3 {
        let round = guard.call("round").submit().await;
        value::<u32>(&host, &round).await;
    }
    let late = guard.call("round").submit().await;
    let died = error(&host, &late).await;
    assert!(died.causes[0].message.contains("it ended itself"), "{died:#}");
    drop(guard);
    finish(host).await;
}
