//! Guests that wait for each other are told so, and others are not.

use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::{
    ActorHandle, ActorOptions, Capabilities, Encoding, ErrorKind, Host, HostBuilder, Module, ObjectRef, Payload,
    Reference, TaskCall, TaskError,
};

use rustyray_host::limits::WAIT_GRAPH_MAX;

use rustyray_testkit::guest;
use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value, within};

async fn host_of(builder: HostBuilder) -> (Host, Module) {
    host_with(builder, "circles").await
}

fn node(module: &Module, name: &str) -> ActorHandle {
    module.actor("Node").options(ActorOptions::new().name(name)).create()
}

/// A list, or one, of handles as an argument.
fn references(references: Vec<Reference>, is_list: bool) -> Payload {
    let places: Vec<String> = (0..references.len()).map(|place| place.to_string()).collect();
    let text = if is_list { format!("[{}]", places.join(",")) } else { places.join(",") };
    Payload { encoding: Encoding::Json, data: text.into_bytes().into(), references: references.into() }
}

fn handle(actor: &ActorHandle) -> Payload {
    references(vec![Reference::Actor(actor.actor_ref().clone())], false)
}

async fn link(host: &Host, from: &ActorHandle, to: &ActorHandle) {
    host.value(&from.call("link").arg_payload(handle(to)).try_submit(), None).await.unwrap();
}

/// Named actors, each linked to the next and the last to the first.
async fn ring(host: &Host, module: &Module, names: &[&str]) -> Vec<ActorHandle> {
    let nodes: Vec<_> = names.iter().map(|name| node(module, name)).collect();
    for (place, from) in nodes.iter().enumerate() {
        link(host, from, &nodes[(place + 1) % nodes.len()]).await;
    }
    nodes
}

/// A shelf, for tasks that are to get at references to themselves.
struct Shelf(ActorHandle);

impl Shelf {
    fn new(module: &Module) -> Self {
        Shelf(module.actor("Shelf").create())
    }

    fn task(&self, module: &Module, name: &str) -> TaskCall {
        module.task(name).arg_payload(handle(&self.0))
    }

    async fn put(&self, host: &Host, parts: &[&ObjectRef]) {
        let parts = parts.iter().map(|part| Reference::Object((*part).clone())).collect();
        host.value(&self.0.call("put").arg_payload(references(parts, true)).try_submit(), None).await.unwrap();
    }
}

/// The circle that an error, or one of its causes, names.
fn circle(error: &TaskError) -> String {
    let told = |kind: ErrorKind, message: &str| (kind == ErrorKind::Deadlock).then(|| message.to_owned());
    let causes = error.causes.iter().map(|cause| told(cause.kind, &cause.message));
    let message = std::iter::once(told(error.kind, &error.message)).chain(causes).flatten().next();
    let message = message.unwrap_or_else(|| panic!("no circle: {error:#}"));
    message.split(": ").next().unwrap().to_owned()
}

/// A circle from each of its places on.
fn turned(circle: &str) -> impl Iterator<Item = String> {
    let names: Vec<_> = circle.split(" -> ").skip(1).map(str::to_owned).collect();
    (0..names.len()).map(move |first| {
        let turn = names.iter().cycle().skip(first).take(names.len() + 1);
        turn.cloned().collect::<Vec<_>>().join(" -> ")
    })
}

#[tokio::test]
async fn actors_in_a_ring() {
    let (host, module) = host_of(builder()).await;
    for (names, expected) in [
        (&["alone"][..], "alone.step -> alone.step"),
        (&["a", "b"], "a.step -> b.step -> a.step"),
        (&["x", "y", "z"], "x.step -> y.step -> z.step -> x.step"),
    ] {
        let nodes = ring(&host, &module, names).await;
        let steps = u32::try_from(names.len()).unwrap();
        let stuck = error(&host, &nodes[0].call("step").arg(steps).submit().await).await;
        // Which of them began to wait last is for their threads to say.
        let told = circle(&stuck);
        assert!(turned(expected).any(|expected| expected == told), "{told}, and {expected}");
        let last = names.last().unwrap();
        assert!(stuck.causes.iter().any(|cause| cause.task == "Node.step"), "{last}: {stuck:#}");
        let short = nodes[0].call("step").arg(steps - 1).submit().await;
        assert_eq!(value::<u32>(&host, &short).await, steps - 1, "the ring itself is none");
    }
    finish(host).await;
}

#[tokio::test]
async fn a_circle_names_no_task_of_a_module_that_is_not_granted() {
    for granted in [false, true] {
        let held = ["circles", "other"].into_iter().filter(|_| granted);
        let held = held.fold(Capabilities::none(), |held, name| held.module(name));
        let (host, module) = host_of(builder().capabilities(held)).await;
        let other = host.load_file_as("other", guest("circles")).await.unwrap();
        module.register().unwrap();
        other.register().unwrap();
        let (own, foreign) = (node(&module, "own"), node(&other, "foreign"));
        link(&host, &own, &foreign).await;
        link(&host, &foreign, &own).await;
        let told = circle(&*error(&host, &own.call("step").arg(2u32).submit().await).await);
        // Which of them began to wait last is for their threads to say.
        let unknown = "a task of another module";
        let tellings = match granted {
            true => vec!["own.step -> foreign.step -> own.step".to_owned()],
            false => ["own.step", "foreign.step"].map(|name| format!("{name} -> {unknown} -> {name}")).to_vec(),
        };
        let mut turns = tellings.iter().flat_map(|telling| turned(telling));
        assert!(turns.any(|telling| telling == told), "{told}, and {tellings:?}");
        drop((own, foreign));
        finish(host).await;
    }
}

#[tokio::test]
async fn a_task_that_waits_for_itself() {
    let (host, module) = host_of(builder()).await;
    let shelf = Shelf::new(&module);
    let task = shelf.task(&module, "goes_on").submit().await;
    shelf.put(&host, &[&task]).await;
    let text: String = value(&host, &task).await;
    assert!(text.starts_with("deadlock: ") && text.contains("goes_on -> goes_on: each waits"), "{text}");
    drop(shelf);
    finish(host).await;
}

#[tokio::test]
async fn one_of_all_that_a_task_waits_for_is_enough() {
    let (host, module) = host_of(builder()).await;
    let (first, second) = (Shelf::new(&module), Shelf::new(&module));
    let one = first.task(&module, "waits_for_all").submit().await;
    let two = second.task(&module, "waits_for_all").submit().await;
    let sleeps = module.task("sleeps").arg(86_400u64).submit().await;
    first.put(&host, &[&sleeps, &two]).await;
    second.put(&host, &[&one]).await;
    within(host.wait(&[one.clone(), two.clone()], 1, None), "one of them to be told").await.unwrap();
    assert!(!sleeps.is_ready());
    // The other one goes on waiting for the rest.
    host.cancel(&sleeps);
    let ends = [error(&host, &one).await, error(&host, &two).await];
    let told = |error: &TaskError| error.causes.first().is_some_and(|cause| cause.kind == ErrorKind::Deadlock);
    let told: Vec<_> = ends.iter().filter(|error| told(error)).collect();
    assert_eq!(told.len(), 1, "{ends:#?}");
    assert_eq!(circle(told[0]), "waits_for_all -> waits_for_all");
    drop((first, second));
    finish(host).await;
}

#[tokio::test]
async fn tasks_behind_calls_that_wait_for_them() {
    let (host, module) = host_of(builder()).await;
    for (task, expected) in [
        ("waits_behind_its_waiter", ["n.answer", "n.wait_for", "waits_behind_its_waiter"]),
        ("waits_behind_its_taker", ["n.answer", "n.echo", "waits_behind_its_taker"]),
    ] {
        let (shelf, node) = (Shelf::new(&module), node(&module, "n"));
        let task = shelf.task(&module, task).arg_payload(handle(&node)).submit().await;
        shelf.put(&host, &[&task]).await;
        within(host.wait(std::slice::from_ref(&task), 1, None), "the task to end").await.unwrap();
        // Which of the two waits last is chance; the other one then gets what it waits for, or hears why not.
        if let Err(error) = host.value(&task, None).await {
            let circle = circle(&error);
            assert!(expected.iter().all(|name| circle.contains(name)), "{circle}");
        }
        assert_eq!(value::<u32>(&host, &node.call("answer").submit().await).await, 42, "the actor lives");
        node.kill(false);
        settled(&host, "the name to be free", |stats| stats.actors == 1).await;
    }
    finish(host).await;
}

#[tokio::test]
async fn a_constructor_that_waits_for_the_first_caller() {
    let (host, module) = host_of(builder()).await;
    let shelf = Shelf::new(&module);
    let task = shelf.task(&module, "waits_for_a_constructor").submit().await;
    shelf.put(&host, &[&task]).await;
    let stuck = error(&host, &task).await;
    let told = std::iter::once((&stuck.kind, &stuck.message)).chain(stuck.causes.iter().map(|c| (&c.kind, &c.message)));
    assert!(told.into_iter().any(|(kind, _)| matches!(kind, ErrorKind::Deadlock | ErrorKind::ActorDied)), "{stuck:#}");
    drop(shelf);
    finish(host).await;
}

#[tokio::test]
async fn on_a_busy_host_too() {
    let lines = Lines::default();
    let (host, module) = host_of(builder().threads(2).on_log(lines.sink())).await;
    let spins: Vec<_> = (0..2).map(|_| module.task("spins").try_submit()).collect();
    lines.until("spins").await;
    settled(&host, "both to spin", |stats| stats.running == 2).await;
    let nodes = ring(&host, &module, &["a", "b"]).await;
    let stuck = error(&host, &nodes[0].call("step").arg(2u32).submit().await).await;
    assert!(turned("a.step -> b.step -> a.step").any(|expected| expected == circle(&stuck)), "{stuck:#}");
    spins.iter().for_each(|task| host.cancel(task));
    drop(nodes);
    finish(host).await;
}

/// A deadlock that is found says that all who waited before it were looked at, too.
async fn looked(host: &Host, module: &Module) {
    let shelf = Shelf::new(module);
    let task = shelf.task(module, "waits_for_all").submit().await;
    shelf.put(host, &[&task]).await;
    let stuck = error(host, &task).await;
    assert_eq!(circle(&stuck), "waits_for_all -> waits_for_all");
}

#[tokio::test]
async fn a_call_that_is_held_up_in_its_own_line_comes_before_no_other() {
    let (clock, lines) = (ManualClock::new(), Lines::default());
    let (host, module) = host_of(builder().clock(clock.clone()).on_log(lines.sink())).await;
    let actor = module.actor("Single").create();
    let served = actor.call("sleep").arg(60u64).submit().await;
    let gate = module.task("sleeps").arg(30u64).submit().await;
    let other = module.task("calls_single").arg_payload(handle(&actor)).arg_ref(&gate).submit().await;
    let first = actor.call("same").arg_ref(&other).submit().await;
    // In the mailbox before the call of the task, and in line behind the first, which waits for that.
    let second = actor.call("same").arg(2u32).submit().await;
    settled(&host, "both to sleep", |_| clock.sleepers() == 2).await;
    clock.advance(Duration::from_secs(30));
    lines.until("it calls").await;
    looked(&host, &module).await;
    clock.advance(Duration::from_secs(30));
    let all = [value::<u32>(&host, &served).await, value(&host, &first).await, value(&host, &second).await];
    assert_eq!((all, value::<u32>(&host, &other).await), ([7, 1, 2], 1));
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn beside_more_that_wait_than_can_be_looked_at() {
    let (host, module) = host_of(builder().instances(256)).await;
    let gate = module.task("sleeps").arg(3600u64).submit().await;
    let actor = node(&module, "busy");
    let calls: Vec<_> = (0..=WAIT_GRAPH_MAX).map(|_| actor.call("echo").arg_ref(&gate).try_submit()).collect();
    let shelf = Shelf::new(&module);
    shelf.put(&host, &[calls.last().unwrap()]).await;
    let waiting: Vec<_> = (0..80).map(|_| shelf.task(&module, "waits_again_and_again").try_submit()).collect();
    settled(&host, "all to wait", |stats| stats.succeeded > 1000).await;
    for _ in 0..3 {
        looked(&host, &module).await;
    }
    waiting.iter().for_each(|task| host.cancel_with(task, true, true));
    host.cancel(&gate);
    within(host.wait(&calls, calls.len(), None), "the calls").await.unwrap();
    drop((actor, shelf));
    finish(host).await;
}

#[tokio::test]
async fn one_of_several_that_may_come_is_no_deadlock_and_none_is() {
    let clock = ManualClock::new();
    let lines = Lines::default();
    let (host, module) = host_of(builder().clock(clock.clone()).on_log(lines.sink())).await;
    let shelf = Shelf::new(&module);
    let sleeps = module.task("sleeps").arg(5u64).submit().await;
    let hopeful = shelf.task(&module, "waits_for_any").submit().await;
    shelf.put(&host, &[&hopeful, &sleeps]).await;
    lines.until("waits for one of 2").await;
    looked(&host, &module).await;
    assert!(!hopeful.is_ready());
    settled(&host, "the sleep", |_| clock.sleepers() >= 1).await;
    clock.advance(Duration::from_secs(5));
    assert_eq!(value::<u32>(&host, &hopeful).await, 7);

    let (first, second) = (Shelf::new(&module), Shelf::new(&module));
    let one = first.task(&module, "waits_for_any").submit().await;
    let two = second.task(&module, "waits_for_any").submit().await;
    first.put(&host, &[&one, &two]).await;
    second.put(&host, &[&one, &two]).await;
    let stuck = [error(&host, &one).await, error(&host, &two).await];
    assert!(stuck.iter().all(|error| circle(error).contains("waits_for_any")));
    drop((shelf, first, second));
    finish(host).await;
}

#[tokio::test]
async fn a_wait_with_an_end_ends_by_itself() {
    let clock = ManualClock::new();
    let lines = Lines::default();
    let (host, module) = host_of(builder().clock(clock.clone()).on_log(lines.sink())).await;
    let shelf = Shelf::new(&module);
    let patient = shelf.task(&module, "waits_for_a_while").arg(5u64).submit().await;
    shelf.put(&host, &[&patient]).await;
    lines.until("waits for a while").await;
    let nodes = ring(&host, &module, &["a", "b"]).await;
    // Waits for an answer of b, behind a call of b that waits for a, but not for ever.
    let step = nodes[0].call("step_for").arg(5u64).submit().await;
    looked(&host, &module).await;
    settled(&host, "both to wait", |_| clock.sleepers() >= 1).await;
    assert!(!patient.is_ready());
    clock.advance(Duration::from_secs(5));
    let late = error(&host, &patient).await;
    assert_eq!(late.causes[0].kind, ErrorKind::GetTimeout, "{late:#}");
    assert_eq!(value::<u32>(&host, &step).await, 0);
    drop((nodes, shelf));
    finish(host).await;
}

fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_nanos() as u64
}

/// Tasks and calls that wait for each other at random; gives how they ended.
async fn storm(seed: u64, downwards: bool, roots: u64) -> Vec<Result<u32, ErrorKind>> {
    println!("seed {seed}, downwards: {downwards}");
    let (host, module) = host_of(builder().instances(1500)).await;
    let nodes: Vec<_> = (0..8).map(|_| module.actor("Node").create()).collect();
    let list = || references(nodes.iter().map(|node| Reference::Actor(node.actor_ref().clone())).collect(), true);
    let start = |root: u64| {
        let call = module.task("wanders").arg((root % 4) as u32).arg_payload(list());
        call.arg(seed.wrapping_add(root)).arg(downwards).try_submit()
    };
    let ends: Vec<_> = (0..roots).map(start).collect();
    within(host.wait(&ends, ends.len(), None), "all to end").await.unwrap();
    let mut outcomes = Vec::new();
    for end in &ends {
        let outcome = host.get::<u32>(end).await;
        outcomes.push(outcome.map_err(|error| error.causes.last().map_or(error.kind, |cause| cause.kind)));
    }
    drop((ends, nodes));
    // Nobody waits for them any more, but they end, too.
    settled(&host, "what they left behind", |stats| (stats.running, stats.pending, stats.actors) == (0, 0, 0)).await;
    finish(host).await;
    outcomes
}

#[tokio::test]
async fn nobody_is_told_of_a_deadlock_that_is_none() {
    for round in 0..4 {
        let outcomes = storm(seed().wrapping_add(round), true, 40).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
}

#[tokio::test]
async fn nothing_hangs_when_all_call_all() {
    let mut told = 0;
    for round in 0..4 {
        let outcomes = storm(seed().wrapping_add(round), false, 40).await;
        let strange = outcomes.iter().find(|outcome| !matches!(outcome, Ok(_) | Err(ErrorKind::Deadlock)));
        assert!(strange.is_none(), "{outcomes:?}");
        told += outcomes.iter().filter(|outcome| outcome.is_err()).count();
    }
    assert!(told > 0, "there were circles");
}
