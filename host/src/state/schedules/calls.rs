//! An actor that serves several calls at once: its guest hears of them, while they are cancelled and more come.

use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

use shuttle::thread;

use super::super::task::TaskRecord;
use super::{Busy, explore, nobody, task, waker};
use crate::state::actor::concurrent_calls::{News, Shift};
use crate::state::object::store::ObjectStore;
use crate::state::task::cancellation::StopReason;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::resources::ResourceSet;

fn call(id: u64, store: &Arc<ObjectStore>) -> Arc<TaskRecord> {
    task(id, ResourceSet::default(), Vec::new(), store, nobody()).0
}

/// Takes a call in, as the service of an actor does. False where no call is taken any more.
fn begin(shift: &Arc<Shift>, call: &Arc<TaskRecord>) -> bool {
    let Some(ender) = shift.admit(call) else { return false };
    if call.begin(ender, Instant::now()) {
        shift.hand_over(call.clone(), Vec::new());
    } else {
        shift.forget(call);
    }
    true
}

/// Answers the calls that it hears of, until there are none.
fn serve(shift: &Arc<Shift>) {
    loop {
        match shift.poll_news(&mut Context::from_waker(&waker())) {
            None => thread::park(),
            Some(News::Call(call, _)) => {
                if shift.enter(call.spec.id).is_some() {
                    shift.leave();
                    shift.enter(call.spec.id);
                }
                shift.answer(call.spec.id, Err(TaskError::new(ErrorKind::TaskFailed, "answered")));
            }
            Some(News::Asked(_) | News::Dropped(_)) => {}
            Some(News::Over) => return,
        }
    }
}

#[test]
fn each_call_comes_to_one_end_and_the_guest_hears_that_all_is_over() {
    explore(|| {
        let store = ObjectStore::new(1 << 20);
        let calls: Vec<_> = (1..=3).map(|id| call(id, &store)).collect();
        let shift = Shift::new(calls[0].clone(), Arc::new(Busy), ResourceSet::default());
        assert!(begin(&shift, &calls[0]));
        let guest = {
            let shift = shift.clone();
            thread::spawn(move || serve(&shift))
        };
        let canceller = {
            let calls = calls.clone();
            thread::spawn(move || {
                calls[0].request_cancel();
                drop(calls[0].stop(StopReason::Cancelled));
                drop(calls[1].stop(StopReason::Deadline));
            })
        };
        let begun = calls[1..].iter().filter(|call| begin(&shift, call)).count() + 1;
        guest.join().unwrap();
        canceller.join().unwrap();
        let ended = std::iter::from_fn(|| shift.pop_end()).count();
        let never = calls[1..].iter().filter(|call| !call.is_running()).count();
        assert!(shift.is_over() && shift.calls().is_empty(), "no call is left");
        assert!(ended <= begun && ended + never >= begun, "{ended} of {begun} ended, {never} never ran");
    });
}
