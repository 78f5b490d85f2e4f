//! Pure tasks, with and without a journal that outlives the host.

use std::path::Path;

use rustyray_host::{
    BuildError, Capabilities, DirAccess, Encoding, ErrorKind, Host, HostBuilder, Module, ObjectRef, Payload,
    TaskOptions, limits,
};
use tempfile::TempDir;

use rustyray_testkit::guest;
use rustyray_tests::{Lines, builder, error, finish, host_with, value};

/// A host with a journal in this folder, and what its guests print.
async fn with_journal(dir: &Path) -> (Host, Module, Lines) {
    let lines = Lines::default();
    let (host, module) = host_with(builder().journal(dir).on_log(lines.sink()), "journal").await;
    (host, module, lines)
}

async fn twice(dir: &Path, submit: impl AsyncFn(&Host, &Module) -> ObjectRef) -> [Vec<String>; 2] {
    let mut printed = Vec::new();
    for _ in 0..2 {
        let (host, module, lines) = with_journal(dir).await;
        let object = submit(&host, &module).await;
        let _ = host.value(&object, None).await;
        finish(host).await;
        printed.push(lines.texts());
    }
    printed.try_into().unwrap()
}

#[tokio::test]
async fn a_pure_task_runs_once_for_all_hosts_and_its_receipt_says_so() {
    let folder = TempDir::new().unwrap();
    let (host, module, lines) = with_journal(folder.path()).await;
    for _ in 0..3 {
        let square = module.task("square").arg(12u64).submit().await;
        assert_eq!(value::<u64>(&host, &square).await, 144);
    }
    assert_eq!((host.stats().from_journal, host.stats().succeeded), (2, 3));
    finish(host).await;
    assert_eq!(lines.texts(), ["square: squaring 12"]);

    let (host, module, lines) = with_journal(folder.path()).await;
    let square = module.task("square").arg(12u64).submit().await;
    let other = module.task("square").arg(13u64).submit().await;
    assert_eq!((value::<u64>(&host, &square).await, value::<u64>(&host, &other).await), (144, 169));
    let (kept, run) = (square.receipt().unwrap(), other.receipt().unwrap());
    assert_eq!((kept.memo, kept.fuel_used, kept.memory_peak_bytes), (true, 0, 0), "{kept:?}");
    assert!(!run.memo && run.fuel_used > 0, "{run:?}");
    finish(host).await;
    assert_eq!(lines.texts(), ["square: squaring 13"]);
}

#[tokio::test]
async fn the_function_the_arguments_the_encodings_and_the_code_tell_results_apart() {
    let folder = TempDir::new().unwrap();
    let (host, module, _) = with_journal(folder.path()).await;
    let ask = async |module: &Module, task: &str, argument: Payload, reply| {
        let object = module.task(task).arg_payload(argument).reply(reply).submit().await;
        host.value(&object, None).await.unwrap().payload().clone()
    };
    let json = || Payload::new(Encoding::Json, "7");
    let bincode = || Payload::new(Encoding::Bincode, vec![7]);
    for _ in 0..2 {
        assert_eq!(ask(&module, "square", json(), Encoding::Json).await.data, "49");
        assert_eq!(ask(&module, "twice_the_square", json(), Encoding::Json).await.data, "98");
        assert_eq!(ask(&module, "square", bincode(), Encoding::Bincode).await.data, vec![49]);
        assert_eq!(ask(&module, "square", json(), Encoding::Bincode).await.encoding, Encoding::Bincode);
    }
    assert_eq!(host.stats().from_journal, 4);
    // A custom section more is other code.
    let mut bytes = std::fs::read(guest("journal")).unwrap();
    bytes.extend([0, 2, 1, b'x']);
    let changed = host.load_bytes("journal", bytes).await.unwrap();
    assert_eq!(ask(&changed, "square", json(), Encoding::Json).await.data, "49");
    assert_eq!(host.stats().from_journal, 4);
    finish(host).await;
}

#[tokio::test]
async fn what_has_no_lasting_result_runs_again() {
    let folder = TempDir::new().unwrap();
    let again = async |task: &'static str, argument: u64| {
        let [first, second] =
            twice(folder.path(), async |_, module| module.task(task).arg(argument).submit().await).await;
        assert!(!first.is_empty());
        assert_eq!(first, second, "{task}");
    };
    again("cube", 3).await;
    again("half", 3).await;
    again("stored", 3).await;
    again("total_of_puts", 3).await;
    let [first, second] = twice(folder.path(), async |_, module| module.task("half").arg(4u64).submit().await).await;
    assert_eq!((first.len(), second.len()), (1, 0));
}

#[tokio::test]
async fn large_results_and_arguments_are_not_kept() {
    let folder = TempDir::new().unwrap();
    let most = limits::MEMO_BYTES_MAX as usize;
    for (count, runs) in [(most, 0), (most + 1, 1)] {
        let bytes = async |_: &Host, module: &Module| module.task("make_bytes").arg(count).submit().await;
        assert_eq!(twice(folder.path(), bytes).await[1].len(), runs, "a result of {count}");
        let length = async |host: &Host, module: &Module| {
            let bytes = host.put_payload(Payload::new(Encoding::Raw, vec![1; count])).unwrap();
            module.task("length").arg_ref(&bytes).submit().await
        };
        assert_eq!(twice(folder.path(), length).await[1].len(), runs, "an argument of {count}");
    }
}

#[tokio::test]
async fn a_pure_task_may_submit_others_and_each_is_kept() {
    let folder = TempDir::new().unwrap();
    let (host, module, lines) = with_journal(folder.path()).await;
    let three = module.task("square").arg(3u64).submit().await;
    value::<u64>(&host, &three).await;
    let sum = module.task("sum_of_squares").arg(5u64).submit().await;
    assert_eq!(value::<u64>(&host, &sum).await, 30);
    finish(host).await;
    assert_eq!(lines.texts().iter().filter(|line| line.contains("squaring 3")).count(), 1);
    assert_eq!(lines.texts().len(), 6);
    let (host, module, lines) = with_journal(folder.path()).await;
    let sum = module.task("sum_of_squares").arg(5u64).submit().await;
    assert_eq!(value::<u64>(&host, &sum).await, 30);
    finish(host).await;
    assert!(lines.texts().is_empty(), "{:?}", lines.texts());
}

#[tokio::test]
async fn a_pure_task_holds_nothing_with_and_without_a_journal() {
    let folder = TempDir::new().unwrap();
    let all =
        || Capabilities::none().clock().random().env("A", "b").dir(folder.path(), "/", DirAccess::ReadOnly).unwrap();
    let journal = TempDir::new().unwrap();
    for builder in [builder(), builder().journal(journal.path())] as [HostBuilder; 2] {
        let (host, module) = host_with(builder.capabilities(all()), "journal").await;
        let held = module.task("held").submit().await;
        assert_eq!(value::<(Vec<String>, u64, bool)>(&host, &held).await, (vec![], 0, false));
        let child = module.task("held_by_a_child").submit().await;
        assert_eq!(value::<Vec<String>>(&host, &child).await, Vec::<String>::new());
        let greedy = module.task("held").options(TaskOptions::new().grants(["clock"])).submit().await;
        assert_eq!(error(&host, &greedy).await.kind, ErrorKind::InvalidArgument);
        let modest = module.task("held").options(TaskOptions::new().grants([""; 0])).submit().await;
        assert!(host.value(&modest, None).await.is_ok());
        finish(host).await;
    }
}

#[tokio::test]
async fn actors_are_out_of_reach_of_pure_tasks_and_of_what_they_submit() {
    let (host, module) = host_with(builder(), "journal").await;
    let named = module.actor("One").options(rustyray_host::ActorOptions::new().name("one")).create();
    value::<()>(&host, &named.ready()).await;
    for task in ["uses_an_actor", "uses_an_actor_by_a_child"] {
        for name in [None, Some("one")] {
            let object = module.task(task).arg(name).submit().await;
            let error = error(&host, &object).await;
            let denied = |text: &str| text.contains("can neither create nor find actors");
            assert!(denied(&error.message) || error.causes.iter().any(|cause| denied(&cause.message)), "{error:#}");
        }
        let allowed = module.task("child_that_uses_an_actor").arg(Some("one")).submit().await;
        assert_eq!(value::<u32>(&host, &allowed).await, 1);
    }
    drop(named);
    finish(host).await;
}

#[tokio::test]
async fn a_journal_has_one_writer_and_is_free_after_shutdown() {
    let folder = TempDir::new().unwrap();
    let (host, _, _) = with_journal(folder.path()).await;
    let Err(refused) = builder().journal(folder.path()).build() else { panic!("two writers") };
    assert!(matches!(refused, BuildError::Journal { .. }) && refused.to_string().contains("another process uses it"));
    finish(host).await;
    let (host, _, _) = with_journal(folder.path()).await;
    finish(host).await;
    let Err(refused) = builder().journal(folder.path()).journal_bytes(1).build() else { panic!("a tiny journal") };
    assert!(refused.to_string().contains("at least 65536"), "{refused}");
}

#[tokio::test]
async fn a_task_that_is_cancelled_while_it_waits_for_the_journal_gives_its_slot_back() {
    let folder = TempDir::new().unwrap();
    let (host, module, _) = with_journal(folder.path()).await;
    for round in 0..50u64 {
        let squares: Vec<_> = (0..8).map(|n| module.task("square").arg(round * 8 + n).try_submit()).collect();
        squares.iter().for_each(|square| host.cancel(square));
        host.wait(&squares, squares.len(), None).await.unwrap();
    }
    // More at once than slots: with one lost for good this would never end.
    let squares: Vec<_> = (0..50u64).map(|n| module.task("square").arg(n).try_submit()).collect();
    for (n, square) in squares.iter().enumerate() {
        assert_eq!(value::<u64>(&host, square).await, (n * n) as u64);
    }
    finish(host).await;
}

#[tokio::test]
async fn results_of_a_module_that_has_little_stay_in_a_journal_that_another_fills_again_and_again() {
    let folder = TempDir::new().unwrap();
    let small = |builder: HostBuilder| builder.journal(folder.path()).journal_bytes(256 << 10);
    for from_journal in [0, 1] {
        let lines = Lines::default();
        let (host, module) = host_with(small(builder()).on_log(lines.sink()), "journal").await;
        let neighbour = host.load_file_as("neighbour", guest("journal")).await.unwrap();
        for round in 0..2 {
            let square = neighbour.task("square").arg(12u64).submit().await;
            assert_eq!(value::<u64>(&host, &square).await, 144);
            // Six times as much as the journal takes.
            let bytes = (0..100usize).map(|n| (16 << 10) + 100 * round + n);
            let many: Vec<_> = bytes.map(|bytes| module.task("make_bytes").arg(bytes).try_submit()).collect();
            host.wait(&many, many.len(), None).await.unwrap();
        }
        finish(host).await;
        let squared = lines.texts().iter().filter(|line| line.contains("squaring")).count();
        assert_eq!(squared, 1 - from_journal, "it runs once for all");
    }
}
