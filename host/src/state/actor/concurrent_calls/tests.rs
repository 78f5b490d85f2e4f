//! What the guest and the runtime are told of the calls of a shift.

use std::time::Instant;

use super::*;
use crate::state::model::{Busy, plan, task};
use crate::state::object::store::ObjectStore;
use crate::types::resources::ResourceSet;

/// A shift, and a call that begins in it.
fn begun() -> (Arc<Shift>, Arc<TaskRecord>) {
    let store = ObjectStore::new(1 << 20);
    let call = task(7, 0, plan(), false, &store).0;
    let shift = Shift::new(call.clone(), Arc::new(Busy), ResourceSet::default());
    begin(&shift, &call);
    (shift, call)
}

fn begin(shift: &Arc<Shift>, call: &Arc<TaskRecord>) {
    let ender = shift.admit(call).expect("the shift is not over");
    assert!(call.begin(ender, Instant::now()));
    shift.hand_over(call.clone(), Vec::new());
}

fn told(shift: &Shift) -> Vec<&'static str> {
    let name = |news: News| match news {
        News::Call(..) => "call",
        News::Asked(_) => "asked",
        News::Dropped(_) => "dropped",
        News::Over => "over",
    };
    std::iter::from_fn(|| shift.news()).map(name).take(8).collect()
}

fn end(shift: &Shift) -> Option<StopReason> {
    match shift.pop_end()?.end {
        End::Stopped(reason) => Some(reason),
        End::Answered(_) => None,
    }
}

#[test]
fn a_call_that_ends_before_the_guest_hears_of_it_is_not_heard_of_even_if_it_comes_again() {
    let (shift, call) = begun();
    call.stop(StopReason::Deadline);
    assert_eq!(end(&shift), Some(StopReason::Deadline));
    let again = task(7, 0, plan(), false, &ObjectStore::new(1 << 20)).0;
    begin(&shift, &again);
    assert_eq!(told(&shift), ["call"], "once, and it is not over");
}

#[test]
fn one_that_is_suspended_ends_at_once_and_one_that_runs_when_it_is_left() {
    let (shift, call) = begun();
    assert_eq!(told(&shift), ["call"]);
    assert!(shift.enter(TaskId(7)).is_some() && shift.enter(TaskId(8)).is_none());
    call.stop(StopReason::Cancelled);
    assert!(shift.pop_end().is_none() && call.cancel_requested(), "it runs, and is asked");
    assert!(shift.leave().is_none(), "it does not wait: it is over");
    assert_eq!(end(&shift), Some(StopReason::Cancelled));
    assert!(!shift.answer(TaskId(7), Err(TaskError::new(crate::types::error::ErrorKind::TaskFailed, "late"))));
    assert_eq!(told(&shift)[..2], ["dropped", "over"]);
    assert!(shift.admit(&call).is_none(), "the guest was told that none is left");
}

#[test]
fn one_that_is_asked_is_told_once() {
    let (shift, call) = begun();
    call.request_cancel();
    assert_eq!(told(&shift), ["call", "asked"]);
    assert!(shift.enter(TaskId(7)).is_some_and(|(_, waited)| !waited));
    assert!(shift.leave().is_some() && shift.enter(TaskId(7)).is_some_and(|(_, waited)| waited));
    assert!(told(&shift).is_empty());
    assert!(shift.answer(TaskId(7), Ok(Payload::new(crate::types::encoding::Encoding::Json, "1"))));
    assert!(matches!(shift.pop_end().map(|ended| ended.end), Some(End::Answered(Ok(_)))));
}

#[test]
fn a_call_that_ended_before_it_was_handed_over_is_heard_of_once() {
    let store = ObjectStore::new(1 << 20);
    let call = task(7, 0, plan(), false, &store).0;
    let shift = Shift::new(call.clone(), Arc::new(Busy), ResourceSet::default());
    let ender = shift.admit(&call).expect("the shift is not over");
    assert!(call.begin(ender, Instant::now()));
    call.stop(StopReason::Deadline);
    shift.hand_over(call.clone(), Vec::new());
    assert_eq!(end(&shift), Some(StopReason::Deadline));
    let again = task(7, 0, plan(), false, &store).0;
    begin(&shift, &again);
    assert_eq!(told(&shift), ["call"], "once");
}
