//! An actor that serves several calls at once: its guest hears of them, while they are cancelled and more come.

use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

use shuttle::thread;

use super::super::task::TaskRecord;
use super::{Busy, explore, nobody, task, waker};
use crate::state::actor::concurrent_calls::{ConcurrentCalls, News};
use crate::state::actor::unstored::Unstored;
use crate::state::object::store::ObjectStore;
use crate::state::task::cancellation::StopReason;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::resources::ResourceSet;

fn call(id: u64, store: &Arc<ObjectStore>) -> Arc<TaskRecord> {
    task(id, ResourceSet::default(), Vec::new(), store, nobody()).0
}

/// Takes a call in, as the service of an actor does. False where no call is taken any more.
fn begin(concurrent_calls: &Arc<ConcurrentCalls>, call: &Arc<TaskRecord>) -> bool {
    let Some(ender) = concurrent_calls.admit(call) else { return false };
    if call.begin(ender, Instant::now()) {
        concurrent_calls.hand_over(call.clone(), Vec::new());
    } else {
        concurrent_calls.forget(call);
    }
    true
}

/// Answers the calls that it hears of, until there are none.
fn serve(concurrent_calls: &Arc<ConcurrentCalls>) {
    loop {
        match concurrent_calls.poll_news(&mut Context::from_waker(&waker())) {
            None => thread::park(),
            Some(News::Call(call, _)) => {
                if concurrent_calls.enter(call.spec.id).is_some() {
                    concurrent_calls.leave();
                    concurrent_calls.enter(call.spec.id);
                }
                concurrent_calls.answer(call.spec.id, Err(TaskError::new(ErrorKind::TaskFailed, "answered")));
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
        let concurrent_calls =
            ConcurrentCalls::new(calls[0].clone(), Arc::new(Busy), ResourceSet::default(), Unstored::new(1 << 20));
        assert!(begin(&concurrent_calls, &calls[0]));
        let guest = {
            let concurrent_calls = concurrent_calls.clone();
            thread::spawn(move || serve(&concurrent_calls))
        };
        let canceller = {
            let calls = calls.clone();
            thread::spawn(move || {
                calls[0].request_cancel();
                drop(calls[0].stop(StopReason::Cancelled));
                drop(calls[1].stop(StopReason::Deadline));
            })
        };
        let begun = calls[1..].iter().filter(|call| begin(&concurrent_calls, call)).count() + 1;
        guest.join().unwrap();
        canceller.join().unwrap();
        let ended = std::iter::from_fn(|| concurrent_calls.pop_end()).count();
        let never = calls[1..].iter().filter(|call| !call.is_running()).count();
        assert!(concurrent_calls.is_over() && concurrent_calls.calls().is_empty(), "no call is left");
        assert!(ended <= begun && ended + never >= begun, "{ended} of {begun} ended, {never} never ran");
    });
}
