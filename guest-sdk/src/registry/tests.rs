//! The macros' code against the host in memory.

use crate::codec;
use crate::mock;
use crate::prelude::*;
use crate::{block_on, manifest};

/// Adds two
/// numbers.
///
/// Slowly.
#[rustyray::remote(timeout = "5s", num_cpus = 0.5, resources = "gpu=1")]
async fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::remote]
fn parse(text: String) -> Result<u32> {
    Ok(text.parse::<u32>()?)
}

#[rustyray::remote(pure)]
fn odd(n: u32) -> std::result::Result<(), String> {
    if n % 2 == 1 { Ok(()) } else { Err(format!("{n} is even")) }
}

#[rustyray::remote(name = "renamed")]
fn reversed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reverse();
    bytes
}

#[rustyray::remote]
fn total(parts: Vec<ObjectRef<i32>>) -> Result<i32> {
    crate::blocking_get_all(&parts).map(|parts| parts.into_iter().sum())
}

#[derive(Debug)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is a secret"))
    }
}

impl<'de> Deserialize<'de> for Unwritable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Ok(Self)
    }
}

#[rustyray::remote]
fn reveal(secret: Unwritable) -> Unwritable {
    secret
}

/// Counts.
#[rustyray::actor(max_restarts = 2, detached, checkpoint_every = 3)]
#[derive(Serialize, Deserialize)]
struct Counter {
    value: i32,
}

#[rustyray::actor_methods]
impl Counter {
    const STEP: i32 = 1;

    fn new() -> Self {
        Self { value: 0 }
    }

    async fn starting_at(value: i32) -> Result<Self> {
        crate::ensure!(value >= 0, "{value} is negative");
        Ok(Counter { value })
    }

    /// One more.
    async fn increment(&mut self) -> i32 {
        self.value += Self::STEP;
        self.value
    }

    fn add(&mut self, other: i32, mut times: u32) -> Result<i32, String> {
        while times > 0 {
            times -= 1;
            self.value = self.value.checked_add(other).ok_or("overflow")?;
        }
        Ok(self.value)
    }

    /// An own `kill` wins over the handle's.
    fn kill(&self) -> bool {
        self.is_zero()
    }

    #[rustyray::local]
    fn is_zero(&self) -> bool {
        self.value == 0
    }
}

fn signature(function: &crate::host::guest::Function) -> String {
    let parameters = function.parameters.iter().map(|p| format!("{}: {}", p.name, p.type_name));
    format!("{}({}) -> {}", function.name, parameters.collect::<Vec<_>>().join(", "), function.result_type)
}

#[test]
fn the_manifest_says_what_the_source_says() {
    let mut manifest = manifest::manifest();
    // Those of other tests are their business.
    let here = |name: &str| ["registry::", "renamed", "stream::"].iter().any(|of| name.starts_with(of));
    manifest.tasks.retain(|task| here(&task.name));
    manifest.actors.retain(|actor| here(&actor.name));
    let tasks: Vec<String> = manifest.tasks.iter().map(signature).collect();
    let wanted = [
        "registry::tests::add(a: i32, b: i32) -> i32",
        "registry::tests::odd(n: u32) -> ()",
        "registry::tests::parse(text: String) -> u32",
        "registry::tests::reveal(secret: Unwritable) -> Unwritable",
        "registry::tests::total(parts: Vec<ObjectRef<i32>>) -> i32",
        "renamed(bytes: Vec<u8>) -> Vec<u8>",
        // Of the tests of streams.
        "stream::tests::failing(after: u32) -> u32",
        "stream::tests::parts(fail: bool) -> u8, String, Vec<u8>",
        "stream::tests::squares(count: u64) -> u64",
    ];
    assert_eq!(tasks, wanted);
    let streams = manifest.tasks.iter().map(|task| task.streams);
    assert_eq!(streams.collect::<Vec<_>>(), [false, false, false, false, false, false, true, true, true]);
    let first = &manifest.tasks[0];
    assert_eq!(first.docs, "Adds two numbers.");
    assert_eq!(
        manifest.tasks.iter().map(|task| task.pure).collect::<Vec<_>>(),
        [false, true, false, false, false, false, false, false, false]
    );
    assert_eq!((first.options.timeout_ns, first.options.cpu_milli), (Some(5_000_000_000), Some(500)));
    assert_eq!(first.options.resources, [("gpu".to_owned(), 1000)]);

    let [counter, holder] = &manifest.actors[..] else { panic!("two actors") };
    assert_eq!((counter.checkpoint, holder.checkpoint), (Some(3), Some(0)));
    assert_eq!((counter.name.as_str(), counter.docs.as_str()), ("registry::tests::Counter", "Counts."));
    assert_eq!(
        counter.constructors.iter().map(signature).collect::<Vec<_>>(),
        ["new() -> Counter", "starting_at(value: i32) -> Counter"]
    );
    assert_eq!(
        counter.methods.iter().map(signature).collect::<Vec<_>>(),
        ["increment() -> i32", "add(other: i32, times: u32) -> i32", "kill() -> bool",]
    );
    assert_eq!((counter.options.max_restarts, counter.options.detached), (Some(2), Some(true)));
}

#[test]
fn the_function_itself_can_still_be_called() {
    assert_eq!(block_on(add(1, 2)), 3);
    assert_eq!(odd(2), Err("2 is even".to_owned()));
    assert!(mock::take_calls().is_empty());
}

#[test]
fn values_and_references_are_arguments() {
    let three = add.remote(1, 2);
    let ten = add.remote(&three, add.remote(three.clone(), 4));
    assert_eq!(block_on(ten.get()).unwrap(), 10);
    assert_eq!(total.remote(vec![three, ten]).blocking_get().unwrap(), 13);
    assert_eq!(reversed.remote(vec![1, 2, 3]).blocking_get().unwrap(), [3, 2, 1]);
}

#[test]
fn an_error_that_a_function_returns_reaches_its_caller() {
    let error = parse.remote("x".to_string()).blocking_get().unwrap_err();
    let text = "registry::tests::parse: invalid digit found in string";
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::TaskFailed, text));
    assert_eq!(odd.remote(2).blocking_get().unwrap_err().to_string(), "registry::tests::odd: 2 is even");
}

#[test]
fn an_argument_that_cannot_be_written_fails_whoever_awaits_it_and_what_depends_on_it() {
    let secret = reveal.remote(Unwritable);
    assert!(mock::take_calls().is_empty());
    let error = block_on(secret.get()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.to_string(), "registry::tests::reveal: argument 1 cannot be sent: it is a secret");
    assert_eq!(block_on(&secret).unwrap_err().kind(), ErrorKind::InvalidArgument);

    let dependent = block_on(reveal.remote(&secret)).unwrap_err();
    assert_eq!(dependent.kind(), ErrorKind::DependencyFailed);
    assert_eq!(dependent.causes()[0].kind, ErrorKind::InvalidArgument);
    // It is ready for `wait`, and cannot travel.
    let (ready, rest) = crate::blocking_wait(&[secret], 1, None).unwrap();
    assert_eq!((ready.len(), rest.len()), (1, 0));
    assert!(codec::encode(ready, crate::host::types::Encoding::Json).unwrap_err().contains("failed already"));
}

#[test]
fn options_reach_the_host_and_bad_ones_are_an_error() {
    let quick = add
        .options()
        .timeout(Duration::from_millis(5))
        .fuel(10)
        .max_retries(0)
        .retry_exceptions(true)
        .retry_backoff(Duration::ZERO)
        .name("quick")
        .num_cpus(1);
    quick.clone().remote(1, 1);
    let options = mock::last_options().unwrap();
    assert_eq!((options.timeout_ns, options.fuel, options.max_retries), (Some(5_000_000), Some(10), Some(0)));
    assert_eq!((options.retry_exceptions, options.retry_backoff_ns), (Some(true), Some(0)));
    assert_eq!((options.name.as_deref(), options.cpu_milli), (Some("quick"), Some(1000)));
    let error = quick.name("a\nb").remote(1, 1).blocking_get().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn wrong_calls_from_outside_are_the_callers_fault() {
    let json = |text: &str| crate::host::types::Payload {
        encoding: crate::host::types::Encoding::Json,
        data: text.into(),
        references: Vec::new(),
    };
    let run = |name: &str, arguments: Vec<_>| {
        super::run_task(&format!("registry::tests::{name}"), arguments, crate::host::types::Encoding::Json)
    };
    let sum = run("add", vec![json("2"), json("3")]).unwrap();
    assert_eq!(sum.data, b"5");
    let refusals = [
        run("add", vec![json("2")]),
        run("add", vec![json("2"), json("\"three\"")]),
        run("add", vec![json("2"), json("3"), json("4")]),
        run("nothing", vec![]),
    ];
    let refusals = refusals.map(|refused| refused.map(|_| ()).unwrap_err());
    assert!(refusals.iter().all(|failure| failure.invalid_argument));
    assert_eq!(
        refusals.map(|failure| failure.message),
        [
            "2 arguments wanted, 1 given",
            "argument `b` is not a `i32`: invalid type: string \"three\", expected i32 at line 1 column 7",
            "2 arguments wanted, 3 given",
            "this module has no task `registry::tests::nothing`",
        ]
    );
}

#[test]
fn an_actor_keeps_its_state() {
    block_on(async {
        let counter = Counter::options().name("global").max_restarts(1).remote_starting_at(mock::sealed(&10));
        let counter = counter.await.unwrap();
        assert_eq!(counter.increment().await.unwrap(), 11);
        assert_eq!(counter.add(2, 3).await.unwrap(), 17);
        assert_eq!(counter.add(i32::MAX, 1).await.unwrap_err().to_string(), "registry::tests::Counter.add: overflow");
        assert!(!counter.kill().await.unwrap());
        assert!(counter.restart_generation(counter.generation()) && !counter.kill_generation(2));
        crate::kill(&counter);
    });
    let calls = mock::take_calls();
    assert_eq!(calls[0], "create registry::tests::Counter starting_at Some(\"global\")");
    assert_eq!(calls.last().unwrap(), "kill registry::tests::Counter false None");
}

#[test]
fn a_constructor_that_fails_fails_whoever_waits_for_it() {
    let error = block_on(Counter::options().name("negative").remote_starting_at(-1)).unwrap_err();
    assert_eq!(error.to_string(), "registry::tests::Counter.starting_at: -1 is negative");
    let unnamed = Counter::options().name("x".repeat(300)).remote();
    assert_eq!(block_on(&unnamed).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(block_on(unnamed.increment().get()).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// Keeps what means nothing elsewhere.
#[rustyray::actor(checkpoint)]
#[derive(Serialize, Deserialize)]
struct Holder {
    held: Vec<ObjectRef<i32>>,
}

#[rustyray::actor_methods]
impl Holder {
    fn holding(held: Vec<ObjectRef<i32>>) -> Self {
        Holder { held }
    }

    fn count(&self) -> usize {
        self.held.len()
    }
}

/// Makes this thread an actor's instance.
fn construct<T: Serialize + 'static>(actor: &str, constructor: &str, argument: T) {
    let argument = codec::encode(argument, crate::host::types::Encoding::Bincode).unwrap();
    super::construct(&format!("registry::tests::{actor}"), constructor, vec![argument]).unwrap();
}

/// Of the counter that this thread is.
fn incremented() -> i32 {
    let answer = super::call("increment", Vec::new(), crate::host::types::Encoding::Bincode).unwrap();
    codec::decode(answer).unwrap()
}

#[test]
fn a_state_is_saved_and_restored_and_one_of_another_definition_is_not() {
    construct("Counter", "starting_at", 5);
    assert_eq!(incremented(), 6);
    let state = super::save().unwrap();
    assert_eq!(incremented(), 7);
    let restore = |actor: &str, data: Vec<u8>| {
        let encoding = crate::host::types::Encoding::Bincode;
        let state = crate::host::types::Payload { encoding, data, references: Vec::new() };
        super::restore(&format!("registry::tests::{actor}"), state).map_err(|failure| failure.message)
    };
    restore("Counter", state.data.clone()).unwrap();
    assert_eq!(incremented(), 7);
    let refused = [
        restore("Holder", state.data.clone()).unwrap_err(),
        restore("Counter", state.data[1..].to_vec()).unwrap_err(),
        restore("Counter", Vec::new()).unwrap_err(),
        restore("Nobody", state.data.clone()).unwrap_err(),
    ];
    assert_eq!(refused[0], "it was saved under another definition of the type");
    assert!(refused[1].starts_with("not a `Counter`"), "{}", refused[1]);
    assert_eq!(refused[2], refused[0]);
    assert_eq!(refused[3], "this module has no actor `registry::tests::Nobody`");
    assert_eq!(incremented(), 8, "what was refused changed nothing");
}

#[test]
fn a_state_with_references_is_not_saved() {
    construct("Holder", "holding", vec![mock::sealed(&1)]);
    assert!(super::save().unwrap_err().message.contains("cannot hold references"));
}

#[test]
fn handles_travel_and_carry_options() {
    let counter = Counter::options().name("travels").remote();
    let payload = codec::encode(vec![counter.clone()], crate::host::types::Encoding::Bincode).unwrap();
    assert_eq!((&payload.data[..], payload.references.len()), (&[1, 0][..], 1));
    let travelled: Vec<CounterHandle> = codec::decode(payload).unwrap();
    assert_eq!(travelled[0].increment().blocking_get().unwrap(), 1);
    counter.with_options(TaskOptions::new().fuel(9)).increment();
    assert_eq!(mock::last_options().unwrap().fuel, Some(9));
    counter.increment();
    assert_eq!(mock::last_options(), None);
}

#[test]
fn an_actor_is_found_by_name_and_type() {
    let _counter = Counter::options().name("a").remote();
    let _other = Holder::options().name("b").remote_holding(Vec::new());
    let find = |name: &str| block_on(crate::get_actor::<Counter>(name));
    assert!(find("a").is_ok());
    assert_eq!(find("nobody").unwrap_err().kind(), ErrorKind::ActorNotFound);
    let error = find("b").unwrap_err();
    assert_eq!(error.to_string(), "the actor \"b\" is a `registry::tests::Holder`, not a `registry::tests::Counter`");
    assert_eq!(find("a\n").unwrap_err().kind(), ErrorKind::InvalidArgument);
}
