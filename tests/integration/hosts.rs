//! Hosts as a whole: many at once, and their end.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustyray_host::{BuildError, Capabilities, ErrorKind, Host, ModuleCache, TaskError};

use rustyray_tests::{Lines, builder, error, finish, guest, host_with, settled, value, within};

#[tokio::test]
async fn several_live_side_by_side_and_share_nothing() {
    let hosts = [host_with(builder(), "actors").await, host_with(builder(), "actors").await];
    let mut actors = Vec::new();
    for (host, module) in &hosts {
        let options = rustyray_host::ActorOptions::new().name("same name");
        let actor = module.actor("Counter").options(options).create();
        assert_eq!(value::<i32>(host, &actor.call("add").arg(1).submit().await).await, 1);
        actors.push(actor);
    }
    drop(actors);
    for (host, module) in hosts {
        drop(module);
        finish(host).await;
    }
}

#[tokio::test]
async fn shutdown_lets_work_finish_and_takes_no_more() {
    let lines = Lines::default();
    let (host, module) = host_with(builder().cpus(1.0).on_log(lines.sink()), "waiting").await;
    let queued: Vec<_> = (0..20u32).map(|n| module.task("increment").arg(n).try_submit()).collect();
    let chain = module.task("chain").arg(50u32).try_submit();
    host.shutdown(Duration::from_secs(60)).await;
    for (n, object) in queued.iter().enumerate() {
        assert_eq!(host.get::<u32>(object).await.unwrap(), n as u32 + 1);
    }
    assert_eq!(host.get::<u32>(&chain).await.unwrap(), 50, "what runs may still submit");
    let late = module.task("increment").arg(1u32).submit().await;
    assert_eq!(error(&host, &late).await.kind, ErrorKind::HostShutDown);
    host.shutdown(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn shutdown_ends_what_does_not_finish() {
    let (host, module) = host_with(builder().cpus(1.0), "waiting").await;
    let spin = module.task("spin").submit().await;
    settled(&host, "the task to run", |stats| stats.running == 1).await;
    let queued = module.task("increment").arg(1u32).submit().await;
    let dependent = module.task("increment").arg_ref(&queued).submit().await;
    tokio::join!(host.shutdown(Duration::ZERO), host.shutdown(Duration::ZERO));
    assert_eq!(error(&host, &spin).await.kind, ErrorKind::HostShutDown);
    assert_eq!(error(&host, &queued).await.kind, ErrorKind::HostShutDown);
    assert!(matches!(error(&host, &dependent).await.kind, ErrorKind::HostShutDown | ErrorKind::DependencyFailed));
    assert_eq!(host.stats().instances, 0);
}

#[tokio::test]
async fn nothing_is_left_of_cycles_whose_module_outlives_the_host() {
    let (host, module) = host_with(builder(), "hostile").await;
    let chains = module.task("cycles::chains").arg(5u32).arg(4u32).arg(1000usize).submit().await;
    assert_eq!(value::<u64>(&host, &chains).await, 5 * 4 * 1000);
    drop(chains);
    settled(&host, "the task to be gone", |stats| (stats.instances, stats.actors) == (0, 0)).await;
    assert!(host.stats().objects >= 5 * 4, "they keep each other: {:?}", host.stats());
    within(host.shutdown(Duration::from_secs(5)), "the end").await;
    let stats = host.stats();
    assert_eq!((stats.objects, stats.object_bytes), (0, stats.manifest_bytes));
    drop(module);
}

#[tokio::test]
async fn dropping_a_host_fails_what_waits_for_it() {
    let (host, module) = host_with(builder(), "waiting").await;
    let spin = module.task("spin").submit().await;
    settled(&host, "the task to run", |stats| stats.running == 1).await;
    drop(host);
    let other = builder().build().unwrap();
    assert_eq!(error(&other, &spin).await.kind, ErrorKind::HostShutDown);
    finish(other).await;
}

#[tokio::test]
async fn a_long_chain_that_waits_ends_with_its_host() {
    let (host, module) = host_with(builder(), "waiting").await;
    let mut link = module.task("spin").submit().await;
    settled(&host, "the task to run", |stats| stats.running == 1).await;
    for _ in 0..100_000 {
        link = module.task("increment").arg_ref(&link).submit().await;
    }
    drop(host);
    let other = builder().build().unwrap();
    assert!(matches!(error(&other, &link).await.kind, ErrorKind::HostShutDown | ErrorKind::DependencyFailed));
    finish(other).await;
}

#[test]
fn a_host_needs_no_executor_of_ours() {
    let host = builder().build().unwrap();
    futures::executor::block_on(async {
        let module = host.load_file(guest("waiting")).await.unwrap();
        let task = module.task("increment").arg(1u32).submit().await;
        assert_eq!(host.get_within::<u32>(&task, Duration::from_secs(60)).await.unwrap(), 2);
        host.shutdown(Duration::from_secs(5)).await;
    });
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let text = |result: Result<Host, BuildError>| result.err().unwrap().to_string();
    assert!(text(builder().cpus(0.0).build()).contains("more than none"));
    for wrong in [-1.0, f64::NAN, f64::INFINITY, 0.0001] {
        assert!(text(builder().cpus(wrong).build()).starts_with(&format!("cpus is {wrong}: an amount")), "{wrong}");
        let resource = text(builder().resource("gpu", wrong).resource("disk", 1.0).build());
        assert!(resource.starts_with(&format!(r#"the resource "gpu" is {wrong}: an amount"#)), "{resource}");
    }
    let twice = text(builder().resource("gpu", 1.0).resource("gpu", 1.0).build());
    assert_eq!(twice, r#"the resource "gpu" is named twice"#);
    let instances = text(builder().instances(1_000_000).build());
    assert!(instances.contains("vm.max_map_count") && instances.contains("sysctl"), "{instances}");
    assert!(Capabilities::none().dir("/no/such/folder", "/", rustyray_host::DirAccess::ReadOnly).is_err());
}

#[tokio::test]
async fn compiled_modules_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, file) = (ModuleCache::open(dir.path()).unwrap(), compiled(dir.path()).await);
    let modules = cache.modules().unwrap();
    assert_eq!((&*modules[0].module, &modules[0].file, modules.len()), ("waiting", &file, 1));
    let written = file.metadata().unwrap().ino();
    assert_eq!(compiled(dir.path()).await, file);
    assert_eq!(file.metadata().unwrap().ino(), written, "it was found");
    assert_eq!(cache.clear().unwrap().len(), 1);
    assert!(cache.modules().unwrap().is_empty() && !file.exists());
}

/// Loads a module on a host that keeps compiled ones here, has it run, and gives the file of its code.
async fn compiled(cache: &Path) -> PathBuf {
    let (host, module) = host_with(builder().cache_dir(cache), "waiting").await;
    let task = module.task("increment").arg(1u32).submit().await;
    assert_eq!(value::<u32>(&host, &task).await, 2);
    let file = module.compiled_file().unwrap();
    within(host.shutdown(Duration::from_secs(5)), "the end").await;
    file
}

#[tokio::test]
async fn compiled_code_that_is_damaged_is_never_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = compiled(dir.path()).await;
    let (note, whole) = (file.with_extension("json"), std::fs::read(&file).unwrap());
    let said = std::fs::read_to_string(&note).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let mut damaged: Vec<_> = (0..8).map(|part| flipped(whole.len() / 8 * part + 100)).collect();
    damaged.extend([
        flipped(whole.len() - 1),
        whole[..whole.len() / 2].to_vec(),
        [&*whole, b"more"].concat(),
        Vec::new(),
    ]);
    for bytes in damaged {
        // In place of the file, as the process has it mapped.
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(compiled(dir.path()).await, file);
        assert!(std::fs::read(&file).unwrap() != bytes, "it was compiled again");
    }
    for text in ["", "{}", &said.replace("\"checksum\":\"", "\"checksum\":\"0"), "[1]"] {
        std::fs::write(&note, text).unwrap();
        assert_eq!(compiled(dir.path()).await, file);
        assert_ne!(std::fs::read_to_string(&note).unwrap(), text);
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(compiled(dir.path()).await, file);
}

#[tokio::test]
async fn what_cannot_be_kept_runs_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let host = builder().cache_dir(dir.path().join("gone")).build().unwrap();
    std::fs::remove_dir(dir.path().join("gone")).unwrap();
    let module = host.load_file(guest("waiting")).await.unwrap();
    let task = module.task("increment").arg(1u32).submit().await;
    assert_eq!(value::<u32>(&host, &task).await, 2);
    let why = module.compiled_file().unwrap_err();
    assert!(why.contains("cannot be kept in") && why.contains("No such file"), "{why}");
    finish(host).await;
}

#[tokio::test]
async fn a_host_that_cannot_be_built_is_an_error_also_inside_an_executor() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"no folder").unwrap();
    let journal = dir.path().join("journal");
    let (other, _module) = host_with(builder().journal(&journal), "waiting").await;
    let no_folder = file.join("folder");
    for (name, refused) in [
        ("no CPUs", builder().cpus(0.0)),
        ("no threads", builder().threads(0)),
        ("spill", builder().spill(&no_folder)),
        ("journal", builder().journal(&no_folder)),
        ("another's journal", builder().journal(&journal)),
        ("no instances", builder().instances(0)),
        ("cache", builder().cache_dir(&file)),
    ] {
        let error = refused.build().map(|_| ()).expect_err(name);
        assert!(!error.to_string().is_empty(), "{name}");
    }
    finish(other).await;
}

/// Whatever a shutdown comes between: each that was submitted is told how it ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_there_at_a_shutdown_hears_of_its_end() {
    for round in 0..40u64 {
        let (host, module) = host_with(builder().cpus(2.0).threads(2), "waiting").await;
        let submitting = tokio::spawn(async move {
            let mut objects = Vec::new();
            for n in 0..200u32 {
                let one = module.task("increment").arg(n).submit().await;
                objects.push(module.task("increment").arg_ref(&one).submit().await);
                objects.push(one);
                if n == 10 {
                    objects.push(module.task("spin").submit().await);
                }
                if n % 20 == 0 {
                    objects.push(module.task("third_time").submit().await);
                    objects.push(module.task("chain").arg(5u32).submit().await);
                }
            }
            objects
        });
        // At another moment of it each time, by what has ended and not by the clock.
        settled(&host, "some to have ended", |stats| stats.succeeded >= round * 8).await;
        within(host.shutdown(Duration::ZERO), "the end").await;
        let objects = within(submitting, "the submissions").await.unwrap();
        for object in &objects {
            let told = within(host.value(object, None), "an answer").await;
            let ended = |error: &TaskError| {
                let kinds = [error.kind].into_iter().chain(error.causes.iter().map(|cause| cause.kind));
                kinds.into_iter().any(|kind| kind == ErrorKind::HostShutDown)
            };
            assert!(told.as_ref().err().is_none_or(|error| ended(error)), "{round}: {told:?}");
        }
        assert_eq!((host.stats().instances, host.stats().running, host.stats().pending), (0, 0, 0));
    }
}
