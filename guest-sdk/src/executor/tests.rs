use std::time::Duration;

use futures::future::{Either, join_all, select};
use futures::stream::{FuturesUnordered, StreamExt};

use super::reactor;
use super::*;
use crate::error_kind::ErrorKind;
use crate::mock;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn registered() -> usize {
    reactor::with(|reactor| reactor.live())
}

#[test]
fn a_value_that_is_there_costs_one_call() {
    let answer = mock::sealed(&42u32);
    assert_eq!(block_on(answer.get()).unwrap(), 42);
    assert_eq!(mock::take_calls(), ["try-get"]);
}

#[test]
fn a_value_that_is_not_there_costs_one_park() {
    let answer = mock::later(5, &42u32);
    assert_eq!(block_on(answer.get()).unwrap(), 42);
    assert_eq!(mock::take_calls(), ["try-get", "get"]);
    assert_eq!(registered(), 0);
}

#[test]
fn an_awaited_reference_costs_one_call() {
    for answer in [mock::later(5, &42u32), mock::sealed(&42u32)] {
        assert_eq!(block_on(async { answer.await.unwrap() }), 42);
        assert_eq!(mock::take_calls(), ["get"]);
    }
    assert_eq!(registered(), 0);
}

#[test]
fn awaited_references_that_are_joined_park_together() {
    let (slow, quick) = (mock::later(3, &3), mock::later(1, &1));
    let (slow, quick) = block_on(async { futures::join!(slow.into_future(), quick.into_future()) });
    assert_eq!((slow.unwrap(), quick.unwrap()), (3, 1));
    assert_eq!(mock::take_calls(), ["wait 1 of 2", "try-get", "get"]);
    assert_eq!(registered(), 0);
}

#[test]
fn an_awaited_reference_and_a_timer_wait_for_whichever_is_first() {
    let value = mock::later(10, &7u8);
    block_on(async {
        let timed_out = select(sleep(ms(5)), value.clone().into_future()).await;
        assert!(matches!(timed_out, Either::Left(((), _))));
        let came = select(sleep(ms(50)), value.into_future()).await;
        assert!(matches!(came, Either::Right((Ok(7), _))));
    });
    assert_eq!(registered(), 0);
}

#[test]
fn a_future_that_is_dropped_midway_leaves_nothing() {
    let value = mock::later(1, &7u8);
    block_on(async {
        let mut dropped = value.clone().into_future();
        assert!(futures::poll!(&mut dropped).is_pending());
        drop(dropped);
        assert_eq!(registered(), 0);
        assert_eq!(value.await.unwrap(), 7);
    });
    assert_eq!((mock::take_calls(), registered()), (vec!["get".to_owned()], 0));
}

#[test]
fn an_error_that_is_awaited_is_the_objects_own() {
    let failed = mock::failed::<u8>("broken");
    assert_eq!(block_on(async { failed.await.unwrap_err().to_string() }), "broken");
}

#[test]
fn a_join_parks_for_all_of_it() {
    let refs = [mock::later(3, &3), mock::later(1, &1), mock::later(1, &2)];
    let values = block_on(join_all(refs.iter().map(|reference| reference.get())));
    assert_eq!(values.into_iter().map(Result::unwrap).collect::<Vec<i32>>(), [3, 1, 2]);
    let waits: Vec<String> = mock::take_calls().into_iter().filter(|call| call.starts_with("wait")).collect();
    assert_eq!(waits, ["wait 1 of 3"]);
}

#[test]
fn unordered_futures_come_in_the_order_of_their_values() {
    let mut all: FuturesUnordered<_> = [30u64, 10, 20].map(|at| mock::later(at, &at).get()).into_iter().collect();
    let order = block_on(async {
        let mut order = Vec::new();
        while let Some(value) = all.next().await {
            order.push(value.unwrap());
        }
        order
    });
    assert_eq!(order, [10, 20, 30]);
}

#[test]
fn a_select_drops_what_lost() {
    let winner = block_on(async {
        match select(Box::pin(sleep(ms(5))), mock::never::<u8>().get()).await {
            Either::Left(((), _)) => "time",
            Either::Right(_) => "value",
        }
    });
    assert_eq!((winner, registered()), ("time", 0));
}

#[test]
fn sleeps_end_in_the_order_of_their_time() {
    let order = std::cell::RefCell::new(Vec::new());
    let nap = async |at: u64| {
        sleep(ms(at)).await;
        order.borrow_mut().push(at);
    };
    block_on(async { futures::join!(nap(3), nap(1), nap(2), nap(0)) });
    assert_eq!(*order.borrow(), [0, 1, 2, 3]);
}

#[test]
fn a_timeout_gives_up_and_the_value_can_be_had_later() {
    block_on(async {
        let slow = mock::later(50, &1u8);
        let error = slow.get().timeout(ms(20)).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::GetTimeout, "no value within 20ms".to_owned()));
        assert_eq!(slow.get().timeout(ms(40)).await.unwrap(), 1);
        assert_eq!(slow.await.unwrap(), 1);
    });
    assert_eq!(registered(), 0);
}

#[test]
fn blocking_gets_have_their_own_timeout() {
    let slow = mock::later(50, &1u8);
    assert_eq!(slow.blocking_get_timeout(ms(20)).unwrap_err().kind(), ErrorKind::GetTimeout);
    assert_eq!(slow.blocking_get().unwrap(), 1);
    assert_eq!(mock::take_calls(), ["get", "get"]);
}

#[test]
fn a_future_that_wakes_itself_does_not_starve_the_others() {
    let busy = async {
        loop {
            futures::pending_once().await;
        }
    };
    let value = mock::later(0, &9u8);
    let late = mock::later(1, &9u8);
    let first = block_on(select(Box::pin(busy), value.get()));
    assert!(matches!(first, Either::Right((Ok(9), _))));
    drop(late);
}

/// What every executor has under some name.
mod futures {
    pub(super) use ::futures::*;

    pub(super) async fn pending_once() {
        let mut polled = false;
        future::poll_fn(|context| {
            if std::mem::replace(&mut polled, true) {
                return task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            task::Poll::Pending
        })
        .await;
    }
}

#[test]
fn a_task_that_is_asked_to_stop_learns_it_wherever_it_waits() {
    let value = mock::never::<u8>();
    mock::stop();
    let error = block_on(async { futures::join!(value.get(), sleep(ms(5))).0 }).unwrap_err();
    assert_eq!((error.kind(), registered()), (ErrorKind::TaskCancelled, 0));
}

#[test]
#[should_panic(expected = "nothing can ever wake it")]
fn a_future_that_nothing_can_wake_is_a_mistake() {
    block_on(std::future::pending::<()>());
}

#[test]
fn one_executor_runs_inside_another() {
    let outer = async {
        let value = mock::later(1, &1u8);
        block_on(async { sleep(ms(2)).await });
        value.get().await.unwrap()
    };
    assert_eq!(block_on(outer), 1);
}
