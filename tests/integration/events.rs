//! What happens to tasks, told as it happens.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use rustyray_host::{Event, EventKind, HostBuilder, TaskId};

use rustyray_tests::{builder, error, finish, host_with, value};

type Events = Arc<Mutex<Vec<Event>>>;

fn listening() -> (Events, HostBuilder) {
    let events = Events::default();
    let kept = events.clone();
    (events, builder().on_event(move |event| kept.lock().unwrap().push(event.clone())))
}

/// The events of each task, checked for what holds of all.
fn checked(events: &Events) -> HashMap<TaskId, Vec<EventKind>> {
    let mut tasks: HashMap<TaskId, Vec<EventKind>> = HashMap::new();
    let (mut slots, mut slot_of, mut waiting) = (HashSet::new(), HashMap::new(), HashSet::new());
    for event in events.lock().unwrap().iter() {
        let task = event.task;
        match &event.kind {
            EventKind::Started(started) => {
                assert!(started.queued <= event.at, "{event:?}");
                assert!(slots.insert(started.slot), "the slot is taken: {event:?}");
                assert!(slot_of.insert(task, started.slot).is_none(), "{event:?}");
            }
            EventKind::Waits { .. } => assert!(waiting.insert(task), "it waits already: {event:?}"),
            EventKind::GoesOn => assert!(waiting.remove(&task), "it does not wait: {event:?}"),
            EventKind::Ended => {
                assert!(!waiting.contains(&task), "a wait ends before its task: {event:?}");
                let slot = slot_of.remove(&task).unwrap_or_else(|| panic!("it did not start: {event:?}"));
                slots.remove(&slot);
            }
            _ => assert!(slot_of.contains_key(&task), "it does not run: {event:?}"),
        }
        tasks.entry(task).or_default().push(event.kind.clone());
    }
    assert!(slots.is_empty(), "all have ended");
    tasks
}

fn named<'a>(tasks: &'a HashMap<TaskId, Vec<EventKind>>, name: &str) -> Vec<&'a Vec<EventKind>> {
    let is = |kinds: &&Vec<EventKind>| matches!(&kinds[0], EventKind::Started(started) if &*started.name == name);
    tasks.values().filter(is).collect()
}

#[tokio::test]
async fn a_task_starts_waits_and_ends_in_a_place_of_its_own() {
    let (events, builder) = listening();
    // No child has ended before its parent waits for it.
    let (host, module) = host_with(builder.threads(1), "waiting").await;
    let chain = module.task("chain").arg(10u32).submit().await;
    assert_eq!(value::<u32>(&host, &chain).await, 10);
    finish(host).await;
    let tasks = checked(&events);
    let chain = named(&tasks, "chain")[0];
    assert!(chain.iter().any(|kind| matches!(kind, EventKind::Waits { for_task: true })), "{chain:?}");
    let children = tasks.values().filter(|kinds| matches!(&kinds[0], EventKind::Started(s) if s.parent.is_some()));
    assert_eq!(children.count(), 10);
}

#[tokio::test]
async fn bytes_that_move_are_told() {
    let (events, builder) = listening();
    let (host, module) = host_with(builder, "objects").await;
    let parts = module.task("stored").arg(3u32).submit().await;
    let sum = module.task("add_up").arg_ref(&parts).submit().await;
    assert_eq!(value::<u32>(&host, &sum).await, 3);
    finish(host).await;
    let tasks = checked(&events);
    let count = |name: &str, is: fn(&EventKind) -> bool| named(&tasks, name)[0].iter().filter(|kind| is(kind)).count();
    assert_eq!(count("stored", |kind| matches!(kind, EventKind::Stored { bytes } if *bytes > 0)), 3);
    assert_eq!(count("add_up", |kind| matches!(kind, EventKind::Read { bytes } if *bytes > 0)), 3);
}

#[tokio::test]
async fn calls_of_an_actor_come_one_after_the_other_through_its_crashes() {
    let (events, builder) = listening();
    let (host, module) = host_with(builder, "actors").await;
    let actor = module.actor("Counter").create();
    let calls: Vec<_> = (0..20).map(|n| actor.call("add").arg(n).try_submit()).collect();
    for call in &calls {
        value::<i32>(&host, call).await;
    }
    error(&host, &actor.call("crash").submit().await).await;
    finish(host).await;
    let tasks = checked(&events);
    assert_eq!(tasks.len(), 22, "the constructor, twenty calls and the crash");
    let mut running = None;
    for event in events.lock().unwrap().iter() {
        match &event.kind {
            EventKind::Started(started) => {
                assert_eq!(started.actor.as_ref().map(|(_, name)| &**name), Some("Counter"), "{event:?}");
                assert_eq!(running.replace(event.task), None, "one at a time");
            }
            EventKind::Ended => assert_eq!(running.take(), Some(event.task)),
            _ => {}
        }
    }
}

#[tokio::test]
async fn several_calls_of_an_actor_wait_and_go_on_each_in_its_place() {
    let (events, builder) = listening();
    let (host, module) = host_with(builder, "concurrent").await;
    let hall = module.actor("Hall").create();
    let calls = [hall.call("meet").arg(2u32).submit().await, hall.call("meet").arg(2u32).submit().await];
    for call in &calls {
        assert_eq!(value::<u32>(&host, call).await, 2);
    }
    let asleep = hall.call("sleep").submit().await;
    value::<u32>(&host, &hall.call("meet").arg(2u32).submit().await).await;
    host.cancel(&asleep);
    error(&host, &asleep).await;
    let waits = hall.call("meet").arg(3u32).submit().await;
    value::<u32>(&host, &hall.call("meet").arg(1u32).submit().await).await;
    error(&host, &hall.call("crash").submit().await).await;
    error(&host, &waits).await;
    drop(hall);
    finish(host).await;
    let tasks = checked(&events);
    let waited = named(&tasks, "Hall.meet")
        .iter()
        .filter(|kinds| kinds.iter().any(|kind| matches!(kind, EventKind::Waits { .. })))
        .count();
    assert_eq!(waited, 2, "the first of those that met, and the one that was crashed with the hall");
    assert!(named(&tasks, "Hall.sleep")[0].iter().any(|kind| matches!(kind, EventKind::Waits { .. })));
}
