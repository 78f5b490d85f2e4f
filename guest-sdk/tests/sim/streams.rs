//! Results that come one after the other.

use rustyray::prelude::*;

#[rustyray::remote]
fn numbers(count: u64) -> impl Iterator<Item = u64> {
    (0..count).inspect(|n| info!("gives {n}"))
}

#[rustyray::remote]
fn failing(after: u32) -> impl Iterator<Item = Result<u32>> {
    (0..).map(move |n| if n < after { Ok(n) } else { Err(Error::msg("no more")) })
}

#[rustyray::remote(max_retries = 1)]
fn flaky(at: u32) -> impl Iterator<Item = u32> {
    let attempt = rustyray::context().attempt;
    (0..20).inspect(move |n| assert!(attempt > 1 || *n != at, "it breaks at {n}"))
}

#[rustyray::remote]
fn doubled(count: u64) -> impl Iterator<Item = u64> {
    let mut items = numbers.remote(count);
    std::iter::from_fn(move || items.blocking_next().map(|item| item.unwrap() * 2))
}

/// Tells a counter of each item.
#[rustyray::remote]
fn counted(counter: super::actors::CounterHandle) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || counter.add(1).blocking_get().ok())
}

async fn all<T: rustyray::serde::de::DeserializeOwned + 'static>(mut items: ObjectStream<T>) -> Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(item) = items.next().await {
        all.push(item?);
    }
    Ok(all)
}

#[rustyray::test]
async fn items_come_in_order_and_through_one_another() {
    assert_eq!(all(numbers.remote(1000)).await.unwrap(), (0..1000).collect::<Vec<_>>());
    assert_eq!(all(doubled.remote(100)).await.unwrap(), (0..100).map(|n| n * 2).collect::<Vec<_>>());
    assert!(all(numbers.remote(0)).await.unwrap().is_empty());
}

#[rustyray::test]
async fn an_error_is_the_last_item() {
    let mut items = failing.remote(2);
    assert_eq!((items.next().await.unwrap().unwrap(), items.next().await.unwrap().unwrap()), (0, 1));
    assert!(items.next().await.unwrap().unwrap_err().to_string().ends_with("no more"));
    assert!(items.next().await.is_none());
}

#[rustyray::test]
async fn another_attempt_gives_only_what_is_new() {
    for at in [0, 1, 19] {
        assert_eq!(all(flaky.remote(at)).await.unwrap(), (0..20).collect::<Vec<_>>());
    }
}

#[rustyray::test]
async fn whoever_gives_waits_for_whoever_takes_and_ends_with_him() {
    let counter = super::actors::Counter::remote();
    let mut items = counted.remote(counter.clone());
    assert_eq!(items.next().await.unwrap().unwrap(), 1);
    rustyray::sleep(Duration::from_secs(60)).await;
    let given = counter.add(0).await.unwrap();
    assert_eq!(given, 17, "sixteen lie there");
    drop(items);
    rustyray::sleep(Duration::from_secs(60)).await;
    assert_eq!(counter.add(0).await.unwrap(), given);
}

#[rustyray::test]
async fn methods_give_items_too_and_references_are_asked_for_ahead() {
    #[rustyray::actor]
    struct Numbers;

    #[rustyray::actor_methods]
    impl Numbers {
        fn new() -> Self {
            Numbers
        }

        fn up_to(&self, end: u32) -> impl Iterator<Item = u32> {
            0..end
        }
    }

    let actor = Numbers::remote();
    let mut items = actor.up_to(3);
    let ahead: Vec<_> = (0..5).map(|_| items.next_ref().unwrap()).collect();
    let values: Vec<_> = futures::future::join_all(ahead.iter().map(|item| item.get())).await;
    let kinds: Vec<_> = values.into_iter().map(|value| value.map_err(|error| error.kind())).collect();
    assert_eq!(kinds, [Ok(0), Ok(1), Ok(2), Err(ErrorKind::StreamEnded), Err(ErrorKind::StreamEnded)]);
}
