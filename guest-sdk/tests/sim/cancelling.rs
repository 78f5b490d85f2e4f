//! Tasks that are cancelled, queued or running, alone or with what they submitted.

use rustyray::prelude::*;
use rustyray::{sleep, testing};

use super::actors::Counter;

#[rustyray::remote]
async fn naps() {
    sleep(Duration::from_secs(3600)).await;
}

#[rustyray::remote]
async fn parent(children: super::actors::CounterHandle) -> Result<()> {
    child.remote(children).await
}

/// Counts after a while.
#[rustyray::remote]
async fn child(counter: super::actors::CounterHandle) -> Result<()> {
    sleep(Duration::from_secs(60)).await;
    counter.add(1).await?;
    Ok(())
}

#[rustyray::remote]
fn patient() -> Result<u32> {
    let mut rounds = 0;
    while !rustyray::context().cancelled {
        rounds += 1;
    }
    Ok(rounds)
}

/// Does not listen.
#[rustyray::remote]
async fn stubborn() {
    loop {
        sleep(Duration::from_secs(60)).await;
    }
}

/// Says that it is gone when it is dropped.
struct Flag(super::actors::CounterHandle);

impl Drop for Flag {
    fn drop(&mut self) {
        self.0.add(1);
    }
}

#[rustyray::remote]
async fn holds(counter: super::actors::CounterHandle) {
    let _flag = Flag(counter);
    sleep(Duration::from_secs(3600)).await;
}

fn is_cancelled<T: std::fmt::Debug>(outcome: Result<T>) -> bool {
    outcome.unwrap_err().kind() == ErrorKind::TaskCancelled
}

#[rustyray::test]
async fn queued_or_running_it_ends_at_once() {
    let (queued, running) = (naps.remote(), naps.remote());
    rustyray::cancel(&queued).unwrap();
    sleep(Duration::from_secs(1)).await;
    rustyray::cancel(&running).unwrap();
    assert!(is_cancelled(queued.await) && is_cancelled(running.await));
    assert_eq!(testing::elapsed(), Duration::from_secs(1));
    let done = rustyray::put(1).await.unwrap();
    rustyray::cancel(&done).unwrap();
    assert_eq!(done.await.unwrap(), 1, "a value that is there stays");
}

#[rustyray::test]
async fn children_go_with_it_unless_they_are_spared() {
    for (recursive, count) in [(true, 0), (false, 1)] {
        let counter = Counter::remote();
        let task = parent.remote(counter.clone());
        sleep(Duration::from_secs(1)).await;
        rustyray::cancel_with(&task, true, recursive).unwrap();
        assert!(is_cancelled(task.await));
        sleep(Duration::from_secs(120)).await;
        assert_eq!(counter.add(0).await.unwrap(), count);
    }
}

#[rustyray::test]
async fn it_is_asked_to_stop_first() {
    let task = patient.remote();
    sleep(Duration::from_secs(1)).await;
    rustyray::cancel_with(&task, false, true).unwrap();
    assert!(task.await.unwrap() > 0, "it returned what it had");
    let task = naps.remote();
    sleep(Duration::from_secs(1)).await;
    rustyray::cancel_with(&task, false, true).unwrap();
    task.await.unwrap();
    assert_eq!(testing::elapsed(), Duration::from_secs(2));
}

#[rustyray::test]
async fn whoever_does_not_listen_is_ended_all_the_same() {
    let task = stubborn.remote();
    sleep(Duration::from_secs(1)).await;
    rustyray::cancel_with(&task, false, true).unwrap();
    assert!(is_cancelled(task.await));
}

#[rustyray::test]
async fn what_it_held_is_dropped() {
    let counter = Counter::remote();
    let task = holds.remote(counter.clone());
    sleep(Duration::from_secs(1)).await;
    rustyray::cancel(&task).unwrap();
    assert!(is_cancelled(task.await));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(counter.add(0).await.unwrap(), 1);
}
