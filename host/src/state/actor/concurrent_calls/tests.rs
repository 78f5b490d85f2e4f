//! What the guest and the runtime are told of calls that are served at once.

use std::time::Instant;

use super::*;
use crate::state::actor::unstored::Unstored;
use crate::state::model::{Busy, plan, task};
use crate::state::object::payload::Encoding;
use crate::state::object::store::ObjectStore;
use crate::types::resources::ResourceSet;

/// Calls that are served at once, and the first of them.
fn begun() -> (Arc<ConcurrentCalls>, Arc<TaskRecord>) {
    let store = ObjectStore::new(1 << 20);
    let call = task(7, 0, plan(), false, &store).0;
    let concurrent_calls =
        ConcurrentCalls::new(call.clone(), Arc::new(Busy), ResourceSet::default(), Unstored::new(1 << 20));
    begin(&concurrent_calls, &call);
    (concurrent_calls, call)
}

fn begin(concurrent_calls: &Arc<ConcurrentCalls>, call: &Arc<TaskRecord>) {
    let ender = concurrent_calls.admit(call).expect("the concurrent_calls is not over");
    assert!(call.begin(ender, Instant::now()));
    concurrent_calls.hand_over(call.clone(), Vec::new());
}

fn told(concurrent_calls: &ConcurrentCalls) -> Vec<&'static str> {
    let name = |news: News| match news {
        News::Call(..) => "call",
        News::Asked(_) => "asked",
        News::Dropped(_) => "dropped",
        News::Over => "over",
    };
    std::iter::from_fn(|| concurrent_calls.news()).map(name).take(8).collect()
}

fn end(concurrent_calls: &ConcurrentCalls) -> Option<StopReason> {
    match concurrent_calls.pop_end()?.end {
        End::Stopped(reason) => Some(reason),
        End::Answered(_) => None,
    }
}

#[test]
fn a_call_that_ends_before_the_guest_hears_of_it_is_not_heard_of_even_if_it_comes_again() {
    let (concurrent_calls, call) = begun();
    call.stop(StopReason::Deadline);
    assert_eq!(end(&concurrent_calls), Some(StopReason::Deadline));
    let again = task(7, 0, plan(), false, &ObjectStore::new(1 << 20)).0;
    begin(&concurrent_calls, &again);
    assert_eq!(told(&concurrent_calls), ["call"], "once, and it is not over");
}

#[test]
fn one_that_is_suspended_ends_at_once_and_one_that_runs_when_it_is_left() {
    let (concurrent_calls, call) = begun();
    assert_eq!(told(&concurrent_calls), ["call"]);
    assert!(concurrent_calls.enter(TaskId(7)).is_some() && concurrent_calls.enter(TaskId(8)).is_none());
    call.stop(StopReason::Cancelled);
    assert!(concurrent_calls.pop_end().is_none() && call.cancel_requested(), "it runs, and is asked");
    assert!(concurrent_calls.leave().is_none(), "it does not wait: it is over");
    assert_eq!(end(&concurrent_calls), Some(StopReason::Cancelled));
    assert!(
        !concurrent_calls.answer(TaskId(7), Err(TaskError::new(crate::types::error::ErrorKind::TaskFailed, "late")))
    );
    assert_eq!(told(&concurrent_calls)[..2], ["dropped", "over"]);
    assert!(concurrent_calls.admit(&call).is_none(), "the guest was told that none is left");
}

#[test]
fn one_that_is_asked_is_told_once() {
    let (concurrent_calls, call) = begun();
    call.request_cancel();
    assert_eq!(told(&concurrent_calls), ["call", "asked"]);
    assert!(concurrent_calls.enter(TaskId(7)).is_some_and(|(_, waited)| !waited));
    assert!(concurrent_calls.leave().is_some() && concurrent_calls.enter(TaskId(7)).is_some_and(|(_, waited)| waited));
    assert!(told(&concurrent_calls).is_empty());
    assert!(concurrent_calls.answer(TaskId(7), Ok(Payload::new(crate::types::encoding::Encoding::Json, "1"))));
    assert!(matches!(concurrent_calls.pop_end().map(|ended| ended.end), Some(End::Answered(Ok(_)))));
}

#[test]
fn a_call_that_ended_before_it_was_handed_over_is_heard_of_once() {
    let store = ObjectStore::new(1 << 20);
    let call = task(7, 0, plan(), false, &store).0;
    let concurrent_calls =
        ConcurrentCalls::new(call.clone(), Arc::new(Busy), ResourceSet::default(), Unstored::new(1 << 20));
    let ender = concurrent_calls.admit(&call).expect("the concurrent_calls is not over");
    assert!(call.begin(ender, Instant::now()));
    call.stop(StopReason::Deadline);
    concurrent_calls.hand_over(call.clone(), Vec::new());
    assert_eq!(end(&concurrent_calls), Some(StopReason::Deadline));
    let again = task(7, 0, plan(), false, &store).0;
    begin(&concurrent_calls, &again);
    assert_eq!(told(&concurrent_calls), ["call"], "once");
}

#[test]
fn a_guest_goes_on_with_no_call_while_answers_wait_for_room_but_for_one_that_is_to_end() {
    let (concurrent_calls, call) = begun();
    let others = [8, 9].map(|id| task(id, 0, plan(), false, &ObjectStore::new(1 << 20)).0);
    others.iter().for_each(|other| begin(&concurrent_calls, other));
    assert_eq!(told(&concurrent_calls), ["call"; 3]);
    let goes_on = |id| concurrent_calls.poll_may_go_on(TaskId(id), &mut Context::from_waker(Waker::noop())).is_ready();
    assert!(goes_on(7) && goes_on(8));
    // All that may wait, in an answer that nobody has taken yet.
    assert!(concurrent_calls.answer(call.spec.id, Ok(Payload::new(Encoding::Raw, vec![7u8; 1 << 20]))));
    assert!(!goes_on(8) && !goes_on(9) && goes_on(7), "it is over");
    assert!(concurrent_calls.enter(TaskId(8)).is_some());
    others.iter().for_each(|other| _ = other.stop(StopReason::Deadline));
    assert!(goes_on(8) && goes_on(9), "the one runs and is to end, the other has ended");
    let answered = concurrent_calls.pop_end().unwrap();
    assert!(matches!(answered.end, End::Answered(Ok(_))));
    let third = task(10, 0, plan(), false, &ObjectStore::new(1 << 20)).0;
    begin(&concurrent_calls, &third);
    assert!(!goes_on(10));
    drop(answered);
    assert!(goes_on(10));
}
