//! Each test has a host of its own, which leaves nothing behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustyray::prelude::*;
use rustyray::testing;

use super::actors::Counter;

#[rustyray::remote]
async fn naps() {
    rustyray::sleep(Duration::from_secs(3600)).await;
}

/// How deep it came.
#[rustyray::remote]
fn deeper(depth: u32) -> Result<u32> {
    if depth == 0 {
        return Ok(0);
    }
    match deeper.remote(depth - 1).blocking_get() {
        Ok(depth) => Ok(depth + 1),
        Err(error) if error.kind() == ErrorKind::InstancesExhausted => Ok(0),
        Err(other) => Err(other),
    }
}

#[rustyray::test]
async fn objects_are_gone_with_their_last_reference() {
    let big = rustyray::put(vec![0u8; 1000]).await.unwrap();
    let nested = rustyray::put(vec![big.clone()]).await.unwrap();
    drop(big);
    assert_eq!(testing::live_objects(), 2);
    drop(nested);
    assert_eq!(testing::live_objects(), 0);
    let counter = Counter::remote();
    counter.add(1).await.unwrap();
    drop(counter);
    assert_eq!(testing::live_objects(), 0, "an actor ends with its last handle");
    naps.remote();
    assert_eq!(testing::live_objects(), 1, "what runs makes one");
}

#[test]
fn nothing_is_shared_between_tests() {
    for _ in 0..2 {
        rustyray::test(async {
            assert!(rustyray::get_actor::<Counter>("mine").await.is_err());
            std::mem::forget(Counter::options().name("mine").detached().remote().await.unwrap());
            assert_eq!(testing::elapsed(), Duration::ZERO);
            rustyray::sleep(Duration::from_secs(1)).await;
        });
    }
}

static HELD: AtomicU32 = AtomicU32::new(0);

struct Held;

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}

#[rustyray::remote]
async fn holds() {
    HELD.fetch_add(1, Ordering::Relaxed);
    let _held = Held;
    rustyray::sleep(Duration::from_secs(3600)).await;
}

#[test]
fn what_is_left_running_ends_with_the_test_also_if_it_fails() {
    for fails in [false, true] {
        let test = catch_unwind(AssertUnwindSafe(|| {
            rustyray::test(async {
                let (_first, _second) = (holds.remote(), holds.remote());
                rustyray::sleep(Duration::from_secs(1)).await;
                assert_eq!(HELD.load(Ordering::Relaxed), 2);
                assert!(!fails, "this is expected");
            });
        }));
        assert_eq!((test.is_err(), HELD.load(Ordering::Relaxed)), (fails, 0));
    }
}

#[rustyray::test]
async fn tasks_nest_as_deep_as_there_are_threads_and_no_deeper() {
    assert_eq!(deeper.remote(300).await.unwrap(), 300);
    assert_eq!(deeper.remote(1200).await.unwrap(), 999, "the next one was refused");
    assert_eq!(deeper.remote(300).await.unwrap(), 300, "they are given back");
}

#[rustyray::test]
async fn ten_thousand_tasks_take_their_turns() {
    let tasks: Vec<_> = (0..10_000).map(|_| deeper.remote(0)).collect();
    assert_eq!(rustyray::get_all(&tasks).await.unwrap().len(), 10_000);
}

#[rustyray::test]
async fn what_is_not_sent_need_not_be_fit_for_it() {
    let local = Rc::new(1);
    let task = deeper.remote(0);
    assert_eq!(task.await.unwrap() + *local, 1);
}

#[rustyray::test]
#[should_panic(expected = "this is expected")]
async fn a_panic_of_the_test_is_its_own() {
    deeper.remote(0).await.unwrap();
    panic!("this is expected");
}

#[test]
#[should_panic(expected = "there is no host here")]
fn without_a_host_nothing_can_be_submitted() {
    deeper.remote(0);
}

#[test]
#[should_panic(expected = "a test cannot be run inside of another one")]
fn a_test_is_not_run_inside_of_another() {
    rustyray::test(async { rustyray::test(async {}) });
}

/// One that holds the next.
#[derive(serde::Serialize, serde::Deserialize)]
struct Link(Option<ObjectRef<Link>>);

#[rustyray::remote]
fn one_more(number: u32) -> std::result::Result<u32, String> {
    number.checked_add(1).ok_or_else(|| "there is none".to_owned())
}

#[rustyray::test]
async fn what_is_nested_deeply_needs_no_deep_stack() {
    let mut last = rustyray::put(Link(None)).await.unwrap();
    // Far deeper than promised: this test is optimised, and takes less of a stack for each.
    for _ in 0..100_000 {
        last = rustyray::put(Link(Some(last))).await.unwrap();
    }
    assert_eq!(testing::live_objects(), 100_001);
    let mut depth = 0;
    let mut next = Some(last.clone());
    while let Some(reference) = next {
        next = rustyray::get(&reference).await.unwrap().0;
        depth += 1;
    }
    assert_eq!(depth, 100_001);
    drop(last);
    assert_eq!(testing::live_objects(), 0);
    for (first, last) in [(0, Some(10_001)), (u32::MAX, None)] {
        let mut link = one_more.remote(first);
        for _ in 0..10_000 {
            link = one_more.remote(link);
        }
        assert_eq!(link.await.ok(), last);
    }
}
