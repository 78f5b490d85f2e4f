//! The state of actors, over restarts of theirs and of the host.

use std::path::Path;

use rustyray_host::clock::ManualClock;
use rustyray_host::{ActorHandle, ActorOptions, Budget, BudgetLimits, ErrorKind, Host, Module, TaskOptions, limits};
use tempfile::TempDir;

use rustyray_testkit::guest;
use rustyray_tests::{Lines, builder, error, finish, host_with, settled, value};

async fn without_journal() -> (Host, Module) {
    host_with(builder(), "checkpoints").await
}

async fn with_journal(dir: &Path) -> (Host, Module) {
    host_with(builder().journal(dir), "checkpoints").await
}

fn named(module: &Module, name: &str) -> ActorHandle {
    module.actor("Ledger").options(ActorOptions::new().name(name)).create()
}

async fn add(host: &Host, ledger: &ActorHandle, method: &str, entry: u32) -> Vec<u32> {
    value(host, &ledger.call(method).arg(entry).submit().await).await
}

async fn entries(host: &Host, ledger: &ActorHandle) -> Vec<u32> {
    value(host, &ledger.call("entries").submit().await).await
}

async fn crash(host: &Host, actor: &ActorHandle) {
    let crash = actor.call("crash").submit().await;
    assert_eq!(error(host, &crash).await.kind, ErrorKind::ActorUnavailable);
}

#[tokio::test]
async fn an_actor_that_crashed_goes_on_from_its_last_checkpoint() {
    let (host, module) = without_journal().await;
    let ledger = module.actor("Ledger").create();
    crash(&host, &ledger).await;
    assert_eq!(add(&host, &ledger, "add", 1).await, [1], "nothing was saved: constructed anew");
    assert_eq!(add(&host, &ledger, "keep", 2).await, [1, 2]);
    assert_eq!(add(&host, &ledger, "add", 3).await, [1, 2, 3]);
    for _ in 0..2 {
        crash(&host, &ledger).await;
        assert_eq!(entries(&host, &ledger).await, [1, 2]);
    }
    ledger.kill(true);
    assert_eq!(entries(&host, &ledger).await, [1, 2], "a kill that restarts");
    let failed = ledger.call("keep_and_fail").arg(4u32).submit().await;
    assert_eq!(error(&host, &failed).await.kind, ErrorKind::TaskFailed);
    let crashed = ledger.call("keep_and_crash").arg(5u32).submit().await;
    assert_eq!(error(&host, &crashed).await.kind, ErrorKind::ActorUnavailable);
    assert_eq!(entries(&host, &ledger).await, [1, 2, 4], "an error is an end of a call, a crash is none");
    drop((ledger, failed, crashed));
    settled(&host, "the actor ends", |stats| stats.actors == 0).await;
    settled(&host, "its checkpoint is gone", |stats| stats.object_bytes == stats.manifest_bytes).await;
    finish(host).await;
}

#[tokio::test]
async fn a_state_is_saved_after_so_many_calls() {
    let (host, module) = without_journal().await;
    let counter = module.actor("Counter").create();
    for (calls, last) in [(2, 2), (4, 4), (3, 6)] {
        for call in 1..=calls {
            let count: u32 = value(&host, &counter.call("increment").submit().await).await;
            assert_eq!(count, last - calls + call);
        }
        crash(&host, &counter).await;
    }
    let count: u32 = value(&host, &counter.call("increment").submit().await).await;
    assert_eq!(count, 7);
    drop(counter);
    finish(host).await;
}

#[tokio::test]
async fn a_named_actor_goes_on_where_an_earlier_host_ended() {
    let folder = TempDir::new().unwrap();
    let (host, module) = with_journal(folder.path()).await;
    let books = named(&module, "books");
    add(&host, &books, "keep", 1).await;
    add(&host, &books, "add", 2).await;
    let unnamed = module.actor("Ledger").create();
    add(&host, &unnamed, "keep", 9).await;
    finish(host).await;

    let (host, module) = with_journal(folder.path()).await;
    let books = named(&module, "books");
    assert_eq!(entries(&host, &books).await, [1, 2], "what came after the checkpoint was saved at the host's end");
    assert!(entries(&host, &named(&module, "other books")).await.is_empty());
    assert!(entries(&host, &module.actor("Ledger").create()).await.is_empty());
    crash(&host, &books).await;
    assert_eq!(entries(&host, &books).await, [1, 2]);
    add(&host, &books, "add", 3).await;
    drop(books);
    settled(&host, "the actors end", |stats| stats.actors == 0).await;
    let books = named(&module, "books");
    assert_eq!(entries(&host, &books).await, [1, 2, 3], "saved when the last handle went");
    add(&host, &books, "add", 4).await;
    books.kill(false);
    settled(&host, "the actor is killed", |stats| stats.actors == 0).await;
    assert_eq!(entries(&host, &named(&module, "books")).await, [1, 2, 3], "who is killed saves nothing");
    finish(host).await;
}

#[tokio::test]
async fn a_name_is_free_when_its_bearer_has_saved() {
    let folder = TempDir::new().unwrap();
    let (host, module) = with_journal(folder.path()).await;
    let books = named(&module, "books");
    let adds: Vec<_> = (0..100u32).map(|n| books.call("add").arg(n).try_submit()).collect();
    drop(books);
    let next = named(&module, "books");
    // It may have served and saved all of them by now.
    if let Err(refused) = host.get::<()>(&next.ready()).await {
        assert_eq!(refused.kind, ErrorKind::ActorNameTaken);
        assert!(refused.message.contains("has not saved its last state yet"), "{refused}");
    }
    for add in &adds {
        value::<Vec<u32>>(&host, add).await;
    }
    drop(next);
    settled(&host, "it to end", |stats| stats.actors == 0).await;
    assert_eq!(entries(&host, &named(&module, "books")).await, (0..100).collect::<Vec<_>>());
    finish(host).await;
}

#[tokio::test]
async fn an_actor_that_is_busy_when_its_host_ends_does_not_hold_it_up() {
    let folder = TempDir::new().unwrap();
    let clock = rustyray_host::clock::ManualClock::new();
    let lines = Lines::default();
    let lasting = builder().journal(folder.path()).clock(clock).on_log(lines.sink());
    let (host, module) = host_with(lasting, "checkpoints").await;
    let (books, other) = (named(&module, "books"), named(&module, "other books"));
    add(&host, &books, "add", 1).await;
    add(&host, &other, "add", 2).await;
    let spins = books.call("spin").submit().await;
    lines.until("the ledger spins").await;
    // The clock stands still, so that nothing ends because time is over.
    host.shutdown(std::time::Duration::ZERO).await;
    assert_eq!(error(&host, &spins).await.kind, ErrorKind::HostShutDown);
    let (host, module) = with_journal(folder.path()).await;
    assert!(entries(&host, &named(&module, "books")).await.is_empty(), "ended in the middle of a call");
    assert_eq!(entries(&host, &named(&module, "other books")).await, [2]);
    finish(host).await;
}

#[tokio::test]
async fn the_state_outlives_a_new_build_but_not_a_new_definition() {
    let folder = TempDir::new().unwrap();
    let (host, module) = with_journal(folder.path()).await;
    add(&host, &named(&module, "books"), "keep", 1).await;
    finish(host).await;
    let (host, _) = with_journal(folder.path()).await;
    let mut bytes = std::fs::read(guest("checkpoints")).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    let rebuilt = host.load_bytes("checkpoints", bytes.clone()).await.unwrap();
    assert_eq!(entries(&host, &named(&rebuilt, "books")).await, [1]);
    let other = host.load_bytes("other", bytes).await.unwrap();
    settled(&host, "the name is free", |stats| stats.actors == 0).await;
    assert!(entries(&host, &named(&other, "books")).await.is_empty(), "of a module of another name");
    // Only one loaded module of a name has a place in the journal.
    drop(rebuilt);
    settled(&host, "the earlier build is gone", |stats| (stats.actors, stats.modules) == (0, 1)).await;
    let changed = host.load_bytes("checkpoints", std::fs::read(guest("checkpoints_changed")).unwrap()).await.unwrap();
    let books = named(&changed, "books");
    let wide: Vec<u64> = value(&host, &books.call("entries").submit().await).await;
    assert_eq!(wide, [1000], "the constructor ran");
    drop(books);
    finish(host).await;
}

#[tokio::test]
async fn two_modules_of_one_name_do_not_share_the_state_of_their_actors() {
    let folder = TempDir::new().unwrap();
    let (host, first) = with_journal(folder.path()).await;
    let second = host.load_file(guest("checkpoints")).await.unwrap();
    assert_eq!(first.name(), second.name());
    let (books, others) = (named(&first, "books"), named(&second, "books"));
    assert_eq!(add(&host, &books, "keep", 1).await, [1]);
    assert_eq!(add(&host, &others, "keep", 2).await, [2]);
    crash(&host, &others).await;
    assert_eq!(entries(&host, &others).await, [2], "a restart goes on from its own checkpoint");
    drop((books, others));
    settled(&host, "both actors end", |stats| stats.actors == 0).await;
    assert!(entries(&host, &named(&second, "books")).await.is_empty(), "the journal has nothing for it");
    assert_eq!(entries(&host, &named(&first, "books")).await, [1]);
    finish(host).await;
    let (host, first) = with_journal(folder.path()).await;
    assert_eq!(entries(&host, &named(&first, "books")).await, [1]);
    finish(host).await;
}

async fn text(host: &Host, actor: &ActorHandle) -> String {
    value(host, &actor.call("text").submit().await).await
}

#[tokio::test]
async fn what_cannot_be_kept_leaves_the_checkpoint_before() {
    let (host, module) = without_journal().await;
    let actor = module.actor("Difficult").create();
    value::<()>(&host, &actor.call("say").arg("good").submit().await).await;
    value::<()>(&host, &actor.call("hold").submit().await).await;
    crash(&host, &actor).await;
    assert_eq!(text(&host, &actor).await, "good", "references");
    let most = limits::CHECKPOINT_BYTES_MAX as usize;
    value::<usize>(&host, &actor.call("grow").arg(most).submit().await).await;
    crash(&host, &actor).await;
    assert_eq!(text(&host, &actor).await, "good", "more bytes than a checkpoint may have");
    value::<usize>(&host, &actor.call("grow").arg(most / 2).submit().await).await;
    crash(&host, &actor).await;
    assert_eq!(text(&host, &actor).await, format!("{} bytes", most / 2));
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_full_store_leaves_the_checkpoint_before() {
    let small = builder().object_store_bytes(100_000);
    let (host, module) = host_with(small, "checkpoints").await;
    let actor = module.actor("Difficult").create();
    value::<()>(&host, &actor.call("say").arg("good").submit().await).await;
    value::<usize>(&host, &actor.call("grow").arg(200_000usize).submit().await).await;
    crash(&host, &actor).await;
    assert_eq!(text(&host, &actor).await, "good");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn an_actor_that_crashes_or_spins_while_it_is_saved_is_restarted() {
    const PANICS_WHEN_SAVED: u8 = 1;
    const NEVER_ENDS: u8 = 4;
    let (host, module) = without_journal().await;
    for mood in [PANICS_WHEN_SAVED, NEVER_ENDS] {
        let actor = module.actor("Difficult").create();
        value::<()>(&host, &actor.call("say").arg("good").submit().await).await;
        assert_eq!(value::<u8>(&host, &actor.call("become_of_mood").arg(mood).submit().await).await, mood);
        assert_eq!(text(&host, &actor).await, "good");
        assert_eq!(actor.actor_ref().generation(), 2);
    }
    let actor = module.actor("Difficult").create();
    let timeout = TaskOptions::new().timeout(std::time::Duration::from_millis(100));
    let late = actor.call("become_of_mood").arg(NEVER_ENDS).options(timeout).submit().await;
    assert_eq!(error(&host, &late).await.kind, ErrorKind::TaskTimedOut, "the call's deadline holds for its checkpoint");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn a_checkpoint_burns_no_more_than_its_call_may() {
    const NEVER_ENDS: u8 = 4;
    const FUEL: u64 = 5_000_000;
    let (receipts, told) = std::sync::mpsc::channel();
    let settings = builder().on_receipt(move |receipt| drop(receipts.send(receipt.clone())));
    let (host, module) = host_with(settings, "checkpoints").await;
    let actor = module.actor("Difficult").create();
    let options = TaskOptions::new().name("burns").fuel(FUEL);
    let call = actor.call("become_of_mood").arg(NEVER_ENDS).options(options).submit().await;
    assert_eq!(value::<u8>(&host, &call).await, NEVER_ENDS);
    assert_eq!(text(&host, &actor).await, "new", "it was ended, and started again");
    host.flush().await;
    let burned = told.try_iter().find(|receipt| &*receipt.task == "burns").expect("it has ended").fuel_used;
    assert!((FUEL..=2 * FUEL + limits::FUEL_SLICE).contains(&burned), "{burned}");
    drop(actor);
    finish(host).await;
}

#[tokio::test]
async fn the_last_checkpoint_burns_no_more_than_the_budget_has_and_takes_no_longer_than_its_time() {
    const FUEL: u64 = 50_000_000;
    for sleeps in [false, true] {
        let (dir, clock, lines) = (TempDir::new().unwrap(), ManualClock::new(), Lines::default());
        let told = builder().journal(dir.path()).clock(clock.clone()).on_log(lines.sink());
        let (host, module) = host_with(told, "checkpoints").await;
        let (makers, callers) =
            [(); 2].map(|()| Budget::new(BudgetLimits { fuel: Some(FUEL), ..Default::default() })).into();
        let options = ActorOptions::new().name("last").call(TaskOptions::new().budget(&makers));
        let actor = module.actor("Reluctant").arg(sleeps).options(options).create();
        let change = actor.call("change").options(TaskOptions::new().budget(&callers)).submit().await;
        value::<()>(&host, &change).await;
        let called = callers.used().fuel;
        drop(actor);
        lines.until("it is saved").await;
        if sleeps {
            assert_eq!(host.stats().actors, 1);
            clock.advance(limits::CHECKPOINT_TIME);
        }
        settled(&host, "the actor to end", |stats| (stats.actors, stats.instances) == (0, 0)).await;
        let used = makers.used().fuel;
        assert_eq!(used > FUEL / 2, !sleeps, "{used}");
        assert!(used < FUEL + 8 * limits::FUEL_SLICE, "{used}");
        assert_eq!(callers.used().fuel, called, "whoever called it last does not pay");
        finish(host).await;
    }
}

#[tokio::test]
async fn a_state_that_is_being_restored_is_in_memory_on_the_stores_account() {
    const IS_NEVER_RESTORED: u8 = 5;
    const BYTES: usize = 3 << 19;
    let (dir, spill) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let start = |lines: &Lines| {
        let host = builder().journal(dir.path()).spill(spill.path()).object_store_bytes(4 << 20).on_log(lines.sink());
        host_with(host, "checkpoints")
    };
    let lines = Lines::default();
    let (host, module) = start(&lines).await;
    let create = |module: &Module| module.actor("Difficult").options(ActorOptions::new().name("heavy")).create();
    let actor = create(&module);
    value::<usize>(&host, &actor.call("grow").arg(BYTES).submit().await).await;
    value::<u8>(&host, &actor.call("become_of_mood").arg(IS_NEVER_RESTORED).submit().await).await;
    actor.kill(true);
    lines.until("it is restored for ever").await;
    // What would have it spilled, if it were not in use.
    for _ in 0..3 {
        drop(host.put(&vec![7u8; 2 << 20]).unwrap());
    }
    let stats = host.stats();
    assert_eq!(stats.spilled_bytes, 0);
    assert!(stats.object_bytes >= BYTES as u64, "{stats:?}");
    host.shutdown(std::time::Duration::ZERO).await;

    let lines = Lines::default();
    let (host, module) = start(&lines).await;
    let before = host.stats().object_bytes;
    let actor = create(&module);
    lines.until("it is restored for ever").await;
    let stats = host.stats();
    assert!(stats.object_bytes >= before + BYTES as u64, "from the journal: {stats:?}");
    drop(actor);
    host.shutdown(std::time::Duration::ZERO).await;
}

#[tokio::test]
async fn a_state_that_cannot_be_restored_has_the_constructor_run() {
    const PANICS_WHEN_RESTORED: u8 = 2;
    const FAILS_WHEN_RESTORED: u8 = 3;
    let (host, module) = without_journal().await;
    for mood in [PANICS_WHEN_RESTORED, FAILS_WHEN_RESTORED] {
        let actor = module.actor("Difficult").create();
        value::<()>(&host, &actor.call("say").arg("bad").submit().await).await;
        value::<u8>(&host, &actor.call("become_of_mood").arg(mood).submit().await).await;
        crash(&host, &actor).await;
        assert_eq!(text(&host, &actor).await, "new", "mood {mood}");
    }
    finish(host).await;
}

#[tokio::test]
async fn who_has_no_checkpoints_cannot_ask_for_one() {
    let (host, module) = without_journal().await;
    let forgetful = module.actor("Forgetful").create();
    for asked in [forgetful.call("checkpoint").submit().await, module.task("checkpoint_of_a_task").submit().await] {
        let error = error(&host, &asked).await;
        assert!(error.to_string().contains("declares checkpoints"), "{error:#}");
    }
    let info = module.info();
    let (ledger, counter) = (info.actor("Ledger").unwrap(), info.actor("Counter").unwrap());
    assert_eq!((ledger.checkpoint, counter.checkpoint), (Some(0), Some(3)));
    assert_eq!(info.actor("Forgetful").unwrap().checkpoint, None);
    drop(forgetful);
    finish(host).await;
}
