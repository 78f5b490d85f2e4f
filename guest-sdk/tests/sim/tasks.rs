//! Remote functions: values, references, errors, panics, retries.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write;

use rustyray::prelude::*;

#[rustyray::remote]
async fn add(a: i32, b: i32) -> i32 {
    a + b
}

#[rustyray::remote]
fn parse(text: String) -> Result<u32> {
    Ok(text.parse::<u32>()?)
}

/// Waits in the middle of plain code, again and again.
#[rustyray::remote]
fn fibonacci(n: u32) -> Result<u64> {
    if n < 2 {
        return Ok(u64::from(n));
    }
    let before = [fibonacci.remote(n - 1), fibonacci.remote(n - 2)];
    Ok(rustyray::blocking_get_all(&before)?.into_iter().sum())
}

#[rustyray::remote]
fn total(parts: Vec<ObjectRef<i32>>, more: BTreeMap<String, ObjectRef<i32>>) -> Result<i32> {
    let more: Vec<_> = more.into_values().collect();
    Ok(rustyray::blocking_get_all(&parts)?.iter().chain(&rustyray::blocking_get_all(&more)?).sum())
}

#[rustyray::remote]
fn panics(text: String) -> u32 {
    panic!("{text}");
}

#[rustyray::remote]
fn outer() -> Result<u32> {
    parse.remote("x".to_owned()).blocking_get().map_err(|error| error.context("the first column"))
}

#[rustyray::remote(max_retries = 3)]
fn crashes_until(attempt: u32) -> u32 {
    let now = rustyray::context().attempt;
    assert!(now >= attempt, "attempt {now} crashes");
    now
}

#[rustyray::remote(max_retries = 2, retry_exceptions = true, retry_backoff = "1s")]
fn fails_until(attempt: u32) -> Result<u32> {
    let now = rustyray::context().attempt;
    rustyray::ensure!(now >= attempt, "attempt {now} fails");
    Ok(now)
}

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

#[rustyray::remote]
fn calls_here() -> u32 {
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

#[rustyray::remote]
fn about() -> (String, String, u32, bool) {
    let context = rustyray::context();
    (context.name, context.function, context.attempt, context.actor.is_none())
}

#[rustyray::remote]
fn table(rows: u32) -> Result<ObjectRef<Vec<u8>>> {
    let mut out = rustyray::ObjectWriter::new()?;
    for row in 0..rows {
        writeln!(out, "{row}")?;
    }
    out.finish()
}

#[rustyray::remote(num_returns = 2)]
fn divided(n: u32, by: u32) -> Result<(u32, u32)> {
    rustyray::ensure!(by != 0, "nothing can be divided by zero");
    Ok((n / by, n % by))
}

#[rustyray::remote(pure)]
fn pure_one() -> Result<u32> {
    impure.remote().blocking_get()
}

#[rustyray::remote]
fn impure() -> Result<u32> {
    rustyray::block_on(rustyray::get_actor::<super::actors::Counter>("any")).map(|_| 1)
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: rustyray::serde::Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(rustyray::serde::ser::Error::custom("it is a secret"))
    }
}

impl<'de> Deserialize<'de> for Unwritable {
    fn deserialize<D: rustyray::serde::Deserializer<'de>>(_: D) -> std::result::Result<Self, D::Error> {
        Ok(Self)
    }
}

#[rustyray::remote]
fn reveals() -> Unwritable {
    Unwritable
}

#[rustyray::test]
async fn values_and_references_are_arguments() -> Result<()> {
    let three = add.remote(1, 2);
    let ten = add.remote(&three, add.remote(&three, 4));
    assert_eq!(ten.await?, 10);
    assert_eq!(add(1, 2).await, 3);
    let more = BTreeMap::from([("a".to_owned(), rustyray::put(5).await?)]);
    assert_eq!(total.remote(vec![three, add.remote(1, 1)], more).await?, 10);
    Ok(())
}

/// A `#[test]` as any other, for those who want one.
#[test]
fn a_plain_test_can_have_a_host() {
    assert_eq!(rustyray::test(async { add.remote(1, 2).await.unwrap() }), 3);
    assert_eq!(rustyray::testing::run(|| add.remote(1, 2).blocking_get().unwrap()), 3);
}

#[rustyray::test]
fn a_wait_in_plain_code_lets_the_others_go_on() {
    assert_eq!(fibonacci.remote(10).blocking_get().unwrap(), 55);
}

#[rustyray::test]
async fn errors_keep_their_chain() {
    let error = parse.remote("x".to_owned()).await.unwrap_err();
    assert_eq!(error.to_string(), "tasks::parse: invalid digit found in string");
    assert_eq!((error.kind(), error.attempt()), (ErrorKind::TaskFailed, Some(1)));
    let error = outer.remote().await.unwrap_err();
    assert_eq!(error.to_string(), "tasks::outer: the first column: tasks::parse: invalid digit found in string");
    assert_eq!(error.causes()[0].task, "tasks::parse");
    let dependent = add.remote(add.remote(1, 2), ObjectRef::clone(&broken())).await.unwrap_err();
    assert_eq!(dependent.kind(), ErrorKind::DependencyFailed);
    assert_eq!(dependent.causes()[0].kind, ErrorKind::WorkerCrashed);
}

fn broken() -> ObjectRef<i32> {
    #[rustyray::remote]
    fn broken() -> i32 {
        panic!("broken")
    }
    broken.remote()
}

#[rustyray::test]
async fn a_panic_is_the_tasks_error() {
    let error = panics.remote("this is expected".to_owned()).await.unwrap_err();
    assert_eq!((error.kind(), error.panic()), (ErrorKind::WorkerCrashed, Some("this is expected")));
    assert_eq!(add.remote(1, 1).await.unwrap(), 2, "and nobody else's");
}

#[rustyray::test]
async fn a_long_chain_that_fails_is_no_deep_recursion() {
    let mut last = broken();
    for _ in 0..20_000 {
        last = add.remote(last, 1);
    }
    assert_eq!(last.await.unwrap_err().kind(), ErrorKind::DependencyFailed);
}

#[rustyray::test]
async fn crashes_are_tried_again_and_errors_where_that_is_said() {
    assert_eq!(crashes_until.remote(3).await.unwrap(), 3);
    let error = crashes_until.remote(9).await.unwrap_err();
    assert_eq!((error.kind(), error.attempt()), (ErrorKind::WorkerCrashed, Some(4)));
    let once = crashes_until.options().max_retries(0).remote(2).await.unwrap_err();
    assert_eq!(once.attempt(), Some(1));

    let before = rustyray::testing::elapsed();
    assert_eq!(fails_until.remote(3).await.unwrap(), 3);
    assert_eq!(rustyray::testing::elapsed() - before, Duration::from_secs(3), "a rest, and one twice as long");
    assert_eq!(fails_until.remote(4).await.unwrap_err().attempt(), Some(3));
    let never = fails_until.options().retry_exceptions(false).remote(2).await.unwrap_err();
    assert_eq!((never.kind(), never.attempt()), (ErrorKind::TaskFailed, Some(1)));
}

#[rustyray::test]
async fn each_task_is_as_fresh_as_an_instance() {
    for _ in 0..3 {
        assert_eq!(calls_here.remote().await.unwrap(), 1);
    }
}

#[rustyray::test]
async fn the_context_is_the_tasks() {
    let told = about.options().name("quick").remote().await.unwrap();
    assert_eq!(told, ("quick".to_owned(), "tasks::about".to_owned(), 1, true));
}

#[rustyray::test]
async fn large_bytes_are_written_and_read_in_parts() {
    let bytes = table.remote(1000).await.unwrap();
    assert_eq!(bytes.size().await.unwrap(), 3890);
    assert_eq!(bytes.read(..6).await.unwrap(), b"0\n1\n2\n");
    assert_eq!(bytes.read(3886..9999).await.unwrap(), b"999\n");
}

#[rustyray::test]
async fn parts_of_a_tuple_are_references_of_their_own() {
    let (quotient, rest) = divided.remote(17, 5);
    assert_eq!((quotient.await.unwrap(), rest.await.unwrap()), (3, 2));
    let (quotient, rest) = divided.remote(1, 0);
    for error in [quotient.await.unwrap_err(), rest.await.unwrap_err()] {
        assert!(error.to_string().ends_with("divided by zero"), "{error}");
    }
}

#[rustyray::test]
async fn what_cannot_be_sent_on_a_host_cannot_be_sent_here() {
    let error = reveals.remote().await.map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("the result cannot be sent: it is a secret"), "{error}");
    let error = rustyray::put(Unwritable).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[rustyray::test]
async fn what_a_pure_task_submits_reaches_no_actor() {
    let error = pure_one.remote().await.unwrap_err();
    assert_eq!(error.causes()[1].kind, ErrorKind::CapabilityDenied, "{error:#}");
}

#[rustyray::test]
async fn higher_priorities_go_first() {
    #[rustyray::remote(priority = -2)]
    fn low() -> Result<()> {
        Ok(())
    }
    #[rustyray::remote]
    fn high() {}
    let (first, second) = (low.remote(), high.remote());
    let (ready, _) = rustyray::wait(&[second, high.remote()], 2, None).await.unwrap();
    assert_eq!(ready.len(), 2);
    let (ready, _) = rustyray::wait(&[first], 1, Some(Duration::ZERO)).await.unwrap();
    assert_eq!(ready.len(), 0, "the first submitted is the last to run");
}
