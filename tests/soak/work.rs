//! The work of a round: a bit of everything, all of which is over at its end.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rustyray_host::{ActorOptions, Encoding, Host, Module, ObjectRef, Payload, TaskOptions};

use crate::windows::{Sample, median};
use rustyray_testkit::census;
use rustyray_testkit::guest;

/// The object store, and more than it holds.
const STORE: u64 = 8 << 20;
const LARGE: usize = 40;
const LARGE_BYTES: usize = 256 << 10;

/// So small that it is full, and drops what is old, from the first seconds on.
const JOURNAL: u64 = rustyray_host::limits::JOURNAL_BYTES_MIN;

/// Tasks that are timed, one after the other.
const PROBES: usize = 100;

/// A round takes well below a second.
const LONGEST: Duration = Duration::from_secs(60);

/// A host at work.
pub struct Work {
    host: Host,
    tasks: Module,
    pure: Module,
    folder: tempfile::TempDir,
    round: u32,
    submitted: u64,
    /// References that are left behind, where that is asked for.
    leaked: Option<Vec<ObjectRef>>,
}

impl Work {
    /// Starts a host.
    pub async fn begin(leak: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let host =
            Host::builder().cpus(2.0).instances(64).object_store_bytes(STORE).cancel_grace(Duration::from_millis(5));
        let host = host.spill(folder.path().join("spill")).journal(folder.path().join("journal"));
        let host = host.journal_bytes(JOURNAL).on_log(|_| ()).build().expect("the host builds");
        let tasks = host.load_file(guest("chaos")).await.expect("the guest loads");
        let pure = host.load_file(guest("journal")).await.expect("the guest loads");
        Work { host, tasks, pure, folder, round: 0, submitted: 0, leaked: leak.then(Vec::new) }
    }

    /// Ends it.
    pub async fn end(self) {
        drop(self.leaked);
        self.host.shutdown(Duration::from_secs(5)).await;
    }

    /// Does a bit of everything, and looks at what is left.
    pub async fn round(&mut self) -> Sample {
        let before = self.submitted;
        self.round += 1;
        self.quick_tasks().await;
        self.a_chain().await;
        self.failures().await;
        self.cancellations().await;
        self.actors().await;
        self.large_objects().await;
        self.kept_results().await;
        if let Some(leaked) = &mut self.leaked {
            leaked.push(self.host.put(&self.round).expect("the store has room"));
        }
        self.settle().await;
        let (median_ns, slow_ns) = self.probe().await;
        let stats = self.host.stats();
        Sample {
            memory: census::memory(),
            files: census::files().values().sum::<usize>() as u64,
            threads: census::threads().len() as u64,
            objects: stats.objects,
            instances: u64::from(stats.instances),
            median_ns,
            slow_ns,
            tasks: self.submitted - before,
        }
    }

    /// Waits until nothing runs, and nothing is held but what is left behind.
    async fn settle(&self) {
        let (start, left) = (Instant::now(), self.leaked.as_ref().map_or(0, Vec::len) as u64);
        loop {
            let stats = self.host.stats();
            if (stats.instances, stats.actors, stats.running, stats.pending, stats.objects) == (0, 0, 0, 0, left) {
                return;
            }
            assert!(start.elapsed() < LONGEST, "{stats:?} is left after a round");
            tokio::task::yield_now().await;
        }
    }

    fn submit(&mut self, name: &str, arguments: &[u64], options: TaskOptions) -> ObjectRef {
        self.submitted += 1;
        let call = match arguments {
            [n] => self.tasks.task(name).arg(*n as u32),
            [n, m] if matches!(name, "sleep" | "parent") => self.tasks.task(name).arg(*n as u32).arg(*m),
            [n, m, ..] => self.tasks.task(name).arg(*n as u32).arg(*m as u32),
            [] => self.tasks.task(name),
        };
        call.options(options).try_submit()
    }

    async fn outcomes(&self, objects: &[ObjectRef]) -> usize {
        let all = join_all(objects.iter().map(|object| self.host.value(object, Some(LONGEST)))).await;
        all.iter().filter(|outcome| outcome.is_ok()).count()
    }

    async fn quick_tasks(&mut self) {
        let quick: Vec<_> = (0..200).map(|n| self.submit("echo", &[n], TaskOptions::new())).collect();
        let parents: Vec<_> = (0..20).map(|n| self.submit("parent", &[n, 100], TaskOptions::new())).collect();
        let leaving: Vec<_> = (0..20).map(|n| self.submit("leave", &[n, 2], TaskOptions::new())).collect();
        assert_eq!(self.outcomes(&[quick, parents, leaving].concat()).await, 240);
    }

    /// Each takes the one before.
    async fn a_chain(&mut self) {
        let mut link = self.submit("echo", &[1], TaskOptions::new());
        for _ in 0..50 {
            self.submitted += 1;
            link = self.tasks.task("sum").arg_ref(&link).arg_ref(&link).try_submit();
        }
        assert_eq!(self.outcomes(&[link]).await, 1);
    }

    /// Traps that are tried again, errors, fuel and time that run out.
    async fn failures(&mut self) {
        let retried = TaskOptions::new().max_retries(2).retry_backoff(Duration::from_micros(100));
        let mut failing: Vec<_> = (0..5).map(|n| self.submit("flaky", &[n, 3], retried.clone())).collect();
        failing.extend((0..5).map(|n| self.submit("flaky", &[n, 9], retried.clone())));
        failing.extend((0..5).map(|n| self.submit("refuse", &[n], TaskOptions::new())));
        failing.extend((0..2).map(|n| self.submit("spin", &[n], TaskOptions::new().fuel(1_000_000))));
        let short = TaskOptions::new().timeout(Duration::from_millis(1));
        failing.extend((0..2).map(|n| self.submit("spin", &[n], short.clone())));
        assert_eq!(self.outcomes(&failing).await, 5, "only those that were tried often enough");
    }

    /// Queued, running and waiting ones, at once and politely.
    async fn cancellations(&mut self) {
        let mut ended: Vec<_> = (0..4).map(|n| self.submit("spin", &[n], TaskOptions::new())).collect();
        ended.extend((0..4).map(|n| self.submit("polite", &[n], TaskOptions::new())));
        ended.extend((0..8).map(|n| self.submit("parent", &[n, 3_600_000_000], TaskOptions::new())));
        for (n, object) in ended.iter().enumerate() {
            self.host.cancel_with(object, n % 3 > 0, true);
        }
        assert_eq!(self.outcomes(&ended).await, 0);
    }

    /// Some crash, some are killed, all end with their handles.
    async fn actors(&mut self) {
        for n in 0..4 {
            let actor = self.tasks.actor("Tally").options(ActorOptions::new().max_restarts(3)).create();
            let mut calls: Vec<_> = (0..20).map(|_| actor.call("count").try_submit()).collect();
            calls.push(actor.call(if n % 2 == 0 { "crash" } else { "count" }).try_submit());
            calls.extend((0..5).map(|_| actor.call("count").try_submit()));
            self.submitted += calls.len() as u64;
            if n == 3 {
                actor.kill(true);
            }
            self.outcomes(&calls).await;
        }
    }

    /// More than the store holds, read back from the disk.
    async fn large_objects(&mut self) {
        let large: Vec<_> = (0..LARGE)
            .map(|n| self.host.put_payload(Payload::new(Encoding::Raw, vec![n as u8; LARGE_BYTES])))
            .map(|object| object.expect("there is room on disk"))
            .collect();
        for (n, object) in large.iter().enumerate() {
            let value = self.host.value(object, Some(LONGEST)).await.expect("it is there");
            assert!(value.payload().data.iter().all(|byte| *byte == n as u8));
        }
    }

    /// Has the journal, which has two files when it is full, opened its second one?
    pub fn is_warm(&self) -> bool {
        let files = std::fs::read_dir(self.folder.path().join("journal")).expect("the journal is there");
        files
            .filter(|file| file.as_ref().is_ok_and(|file| file.file_name().to_string_lossy().starts_with("segment")))
            .count()
            > 1
    }

    /// Results that the journal keeps: new ones, and some that are there.
    async fn kept_results(&mut self) {
        let numbers = (0..20).map(|n| u64::from(self.round) * 20 + n).chain(0..5);
        let kept: Vec<_> = numbers.map(|n| self.pure.task("square").arg(n).try_submit()).collect();
        self.submitted += kept.len() as u64;
        assert_eq!(self.outcomes(&kept).await, kept.len());
    }

    /// How long a task takes on a host that does nothing else, in nanoseconds.
    async fn probe(&mut self) -> (u64, u64) {
        let mut times = Vec::new();
        for n in 0..PROBES as u64 {
            let start = Instant::now();
            let object = self.submit("echo", &[n], TaskOptions::new());
            assert_eq!(self.outcomes(&[object]).await, 1);
            times.push(start.elapsed().as_nanos() as u64);
        }
        times.sort_unstable();
        (median(times.clone()), times[PROBES * 99 / 100])
    }
}
