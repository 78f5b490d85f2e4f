//! The test's clock: sleeps, timeouts, and whoever polls.

use futures::future::{Either, join_all, select};
use rustyray::prelude::*;
use rustyray::{sleep, testing};

const HOUR: Duration = Duration::from_secs(3600);

#[rustyray::remote]
async fn naps(duration: Duration) -> Duration {
    sleep(duration).await;
    duration
}

#[rustyray::remote(timeout = "2s", max_retries = 1)]
async fn hurries(duration: Duration) -> Result<u32> {
    sleep(duration).await;
    Ok(rustyray::context().attempt)
}

#[rustyray::remote(timeout = "10s")]
fn delegates(duration: Duration) -> Result<Duration> {
    assert_eq!(rustyray::context().time_left, Some(Duration::from_secs(10)));
    naps.remote(duration).blocking_get()
}

#[rustyray::test]
async fn an_hour_takes_no_time() {
    let before = std::time::Instant::now();
    let all = [naps.remote(HOUR), naps.remote(HOUR * 2), naps.remote(HOUR)];
    join_all(all.iter().map(|nap| nap.get())).await;
    assert_eq!(testing::elapsed(), HOUR * 2);
    assert!(before.elapsed() < HOUR, "of a real clock");
}

#[rustyray::test]
async fn what_is_first_wins() {
    let slow = naps.remote(HOUR);
    let error = slow.get().timeout(Duration::from_secs(20)).await.unwrap_err();
    assert_eq!((error.kind(), testing::elapsed()), (ErrorKind::GetTimeout, Duration::from_secs(20)));
    assert_eq!(slow.blocking_get_timeout(Duration::from_secs(1)).unwrap_err().kind(), ErrorKind::GetTimeout);
    let raced = select(Box::pin(sleep(HOUR * 2)), slow.get()).await;
    assert!(matches!(raced, Either::Right((Ok(HOUR), _))));
    let (ready, rest) = rustyray::wait(&[naps.remote(HOUR), naps.remote(HOUR / 2)], 1, None).await.unwrap();
    assert_eq!((ready[0].get().await.unwrap(), rest.len()), (HOUR / 2, 1));
}

#[rustyray::test]
async fn a_task_that_waits_too_long_is_ended_and_tried_again() {
    assert_eq!(hurries.remote(Duration::from_secs(1)).await.unwrap(), 1);
    let before = testing::elapsed();
    let error = hurries.options().retry_backoff(Duration::ZERO).remote(HOUR).await.unwrap_err();
    assert_eq!((error.kind(), error.attempt()), (ErrorKind::TaskTimedOut, Some(2)));
    assert!(error.to_string().ends_with("it had 2s, and was ended after 2s"), "{error}");
    assert_eq!(testing::elapsed() - before, Duration::from_secs(4));
}

#[rustyray::test]
async fn a_child_has_no_more_time_than_its_parent() {
    let before = testing::elapsed();
    let error = delegates.remote(HOUR).await.unwrap_err();
    assert_eq!((error.kind(), testing::elapsed() - before), (ErrorKind::TaskTimedOut, Duration::from_secs(10)));
    assert_eq!(delegates.remote(Duration::from_secs(9)).await.unwrap(), Duration::from_secs(9));
}

/// Waits for an actor longer than it may.
#[rustyray::remote(timeout = "5s")]
async fn impatient(counter: super::actors::CounterHandle) -> Result<()> {
    counter.spin().await
}

#[rustyray::test]
async fn the_end_of_a_callers_time_does_not_end_the_actor() {
    let counter = super::actors::Counter::remote();
    counter.add(3).await.unwrap();
    let error = impatient.remote(counter.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TaskTimedOut);
    assert_eq!(counter.add(1).await.unwrap(), 4, "with its state");
    assert!(testing::elapsed() < Duration::from_secs(6), "the call was asked to stop");
}

#[rustyray::test]
fn whoever_polls_is_not_in_the_way_of_others() {
    let nap = naps.remote(HOUR);
    let mut polls = 0;
    while rustyray::blocking_wait(std::slice::from_ref(&nap), 1, Some(Duration::ZERO)).unwrap().0.is_empty() {
        polls += 1;
    }
    assert!(polls > 0 && testing::elapsed() >= HOUR);
}

#[rustyray::test]
fn a_look_at_a_value_is_enough_as_well() {
    use futures::FutureExt;
    let nap = naps.remote(HOUR);
    let value = loop {
        if let Some(value) = nap.get().now_or_never() {
            break value;
        }
    };
    assert_eq!(value.unwrap(), HOUR);
}
