//! Where an attack takes place: a process of its own, so that threads, files and memory can be counted, and so that an
//! attack that takes the process down fails one test. In it a host, with the neighbour on it.

use std::cell::RefCell;
use std::ops::Deref;
use std::process::{Command, exit};
use std::sync::Arc;
use std::time::Duration;

use rustyray_host::clock::ManualClock;
use rustyray_host::{ErrorKind, Host, HostBuilder, Module, ObjectRef, TaskCall, TaskError};

use crate::neighbour::Neighbour;
use rustyray_testkit::census::Census;
use rustyray_testkit::guest;
use rustyray_tests::{self as support, Lines};

/// Set in the process of an attack.
const INSIDE: &str = "HOSTILE_ARENA";

/// An attack takes seconds, on a machine that has nothing else to do. One that is not over by then has won.
const LONGEST: Duration = Duration::from_secs(300);

/// A host under attack.
pub struct Arena {
    pub host: Arc<Host>,
    pub neighbour: Neighbour,
    pub lines: Lines,
    /// The host's, if its settings say so.
    pub clock: ManualClock,
}

impl Deref for Arena {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

/// What is special about a host; the clock is one that it may take.
pub trait Settings: Fn(HostBuilder, &ManualClock) -> HostBuilder {}

impl<F: Fn(HostBuilder, &ManualClock) -> HostBuilder> Settings for F {}

/// Runs an attack on a host with ordinary settings.
pub fn attack<F: AsyncFn(&Arena)>(body: F) {
    attack_on(|builder, _| builder, body);
}

/// Runs an attack on a host with these settings.
pub fn attack_on<F: AsyncFn(&Arena)>(settings: impl Settings, body: F) {
    Attack { settings, next_door: false, body }.run();
}

/// The same with the neighbour on a host of its own in the same process: for attacks on what the guests of a host share.
pub fn attack_next_door<F: AsyncFn(&Arena)>(settings: impl Settings, body: F) {
    Attack { settings, next_door: true, body }.run();
}

struct Attack<S, F> {
    settings: S,
    next_door: bool,
    body: F,
}

impl<S: Settings, F: AsyncFn(&Arena)> Attack<S, F> {
    fn run(self) {
        if std::env::var_os(INSIDE).is_none() {
            return in_a_process_of_its_own(&test_of::<F>());
        }
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let whole = async {
            // The first host may start what the process keeps.
            self.fight(&async |_: &Arena| ()).await;
            let before = Census::take();
            self.fight(&self.body).await;
            before.expect_again();
        };
        if tokio.block_on(async { tokio::time::timeout(LONGEST, whole).await }).is_err() {
            eprintln!("the attack was not over after {LONGEST:?}");
            // A host that cannot end it may not be able to end itself.
            exit(1);
        }
    }

    /// One host, from its start to its end, with nothing left on it.
    async fn fight(&self, body: &impl AsyncFn(&Arena)) {
        let (lines, clock) = (Lines::default(), ManualClock::new());
        let builder = || support::builder().cpus(4.0);
        let host = built((self.settings)(builder().on_log(lines.sink()), &clock));
        let home = if self.next_door { built(builder()) } else { host.clone() };
        let arena = Arena { neighbour: Neighbour::move_in(home.clone()).await, host, lines, clock };
        body(&arena).await;
        arena.neighbour.move_out().await;
        if self.next_door {
            end(home).await;
        } else {
            drop(home);
        }
        end(arena.host).await;
    }
}

fn built(builder: HostBuilder) -> Arc<Host> {
    Arc::new(builder.build().expect("the host builds"))
}

/// Ends a host on which nothing is left.
async fn end(host: Arc<Host>) {
    support::settled(&host, "everything to be given back", |stats| {
        (stats.instances, stats.actors, stats.running, stats.pending) == (0, 0, 0, 0)
            && (stats.objects, stats.object_bytes) == (0, stats.manifest_bytes)
    })
    .await;
    support::finish(Arc::into_inner(host).expect("nobody holds the host")).await;
}

/// The test in whose body this closure stands, as the test runner names it.
fn test_of<F>() -> String {
    let name = std::any::type_name::<F>().trim_end_matches("::{{closure}}");
    name.split_once("::").map_or(name, |(_crate, test)| test).to_owned()
}

fn in_a_process_of_its_own(test: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    // With an arena for each thread glibc keeps more the more threads there were.
    command.env("MALLOC_ARENA_MAX", "1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{test} ended with {}:\n{text}", output.status);
}

impl Arena {
    /// A compiled guest.
    pub async fn load(&self, name: &str) -> Module {
        self.load_file(guest(name)).await.expect("the guest loads")
    }

    /// A forged one.
    pub async fn load_forged(&self, bytes: Vec<u8>) -> Module {
        match self.load_bytes("forged", bytes).await {
            Ok(module) => module,
            Err(error) => panic!("the forged guest does not load: {error}"),
        }
    }

    /// Why these bytes are no module.
    pub async fn refusal(&self, bytes: Vec<u8>) -> String {
        match self.load_bytes("forged", bytes).await {
            Ok(_) => panic!("it loads"),
            Err(error) => error.to_string(),
        }
    }

    /// The error that ends an attack.
    pub async fn end_of(&self, object: &ObjectRef) -> Arc<TaskError> {
        support::error(self, object).await
    }

    /// An attack that goes on until it is ended: the neighbour works on meanwhile, then it is ended.
    pub async fn endure(&self, attack: &TaskCall, what: &str) {
        let object = attack.clone().submit().await;
        self.endure_running(&object, what).await;
    }

    /// The same for one that is submitted already.
    pub async fn endure_running(&self, object: &ObjectRef, what: &str) {
        // First come, first served: what a neighbour on the same host submits from now on starts after the attack.
        support::settled(&self.host, "the attack to begin", |stats| stats.running > 0).await;
        self.neighbour.works_on().await;
        assert!(!object.is_ready(), "{what} ended by itself: {:?}", object.receipt());
        self.cancel(object);
        assert_eq!(self.end_of(object).await.kind, ErrorKind::TaskCancelled, "{what}");
        assert_eq!(object.receipt().unwrap().attempts, 1, "{what} never began");
    }

    /// An attack that ends by itself, again and again until the neighbour has worked on beside it; gives the last error.
    pub async fn outlive(&self, attack: &TaskCall) -> TaskError {
        let last = RefCell::new(None);
        self.neighbour
            .works_beside(async || {
                let object = attack.clone().submit().await;
                let error = self.end_of(&object).await;
                last.replace(Some(TaskError::clone(&error)));
            })
            .await;
        last.take().expect("it was tried")
    }
}
