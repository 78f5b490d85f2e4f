//! A reader that waits for calls, while others make them, end them, release them, and kill the actor.

use std::sync::Arc;
use std::task::{Context, Poll};

use shuttle::thread;

use super::super::task::{Stopped, TaskRecord};
use super::{explore, nobody, settle, task, waker};
use crate::state::actor::mailbox::{Event, Mailbox};
use crate::state::object::store::ObjectStore;
use crate::state::task::cancellation::StopReason;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::resources::ResourceSet;

fn call(id: u64, store: &Arc<ObjectStore>) -> Arc<TaskRecord> {
    task(id, ResourceSet::default(), Vec::new(), store, nobody()).0
}

/// Serves calls until the actor is killed or closed; gives those that it served.
fn read(mailbox: &Mailbox, store: &Arc<ObjectStore>) -> Vec<u64> {
    let mut served = Vec::new();
    loop {
        match mailbox.poll_next(&mut Context::from_waker(&waker())) {
            Poll::Pending => thread::park(),
            Poll::Ready(Event::Call(call)) => {
                settle(&call, None, store);
                served.push(call.spec.id.0);
            }
            Poll::Ready(Event::Kill { .. } | Event::Closed) => return served,
            Poll::Ready(event) => panic!("nobody asked for {event:?}"),
        }
    }
}

#[test]
fn calls_are_served_in_order_and_the_last_handle_is_heard_of() {
    explore(|| {
        let (mailbox, store) = (Arc::new(Mailbox::new(8, &[1], 0)), ObjectStore::new(1 << 20));
        let reader = {
            let (mailbox, store) = (mailbox.clone(), store.clone());
            thread::spawn(move || read(&mailbox, &store))
        };
        let calls: Vec<_> = (1..=3).map(|id| call(id, &store)).collect();
        let releasing = {
            let (mailbox, calls) = (mailbox.clone(), calls.clone());
            thread::spawn(move || {
                for call in &calls {
                    call.watch_arguments();
                    mailbox.released(call);
                }
            })
        };
        for call in &calls {
            mailbox.push(call.clone()).expect("there is room");
        }
        // One of them is ended meanwhile.
        if let Stopped::BeforeStart = calls[1].stop(StopReason::Cancelled) {
            settle(&calls[1], Some(ErrorKind::TaskCancelled), &store);
            mailbox.call_ended(&calls[1]);
        }
        mailbox.close();
        releasing.join().unwrap();
        let served = reader.join().unwrap();
        assert!(served == [1, 3] || served == [1, 2, 3], "{served:?}");
        assert!(calls.iter().all(|call| call.is_done()));
    });
}

#[test]
fn a_call_is_served_or_given_back_by_the_dead() {
    explore(|| {
        let (mailbox, store) = (Arc::new(Mailbox::new(8, &[1], 0)), ObjectStore::new(1 << 20));
        let reader = {
            let (mailbox, store) = (mailbox.clone(), store.clone());
            thread::spawn(move || {
                let served = read(&mailbox, &store).len();
                let left = mailbox.die(Arc::new(TaskError::new(ErrorKind::ActorDied, "killed")));
                served + left.len()
            })
        };
        let caller = {
            let (mailbox, store) = (mailbox.clone(), store.clone());
            thread::spawn(move || {
                let call = call(1, &store);
                call.watch_arguments();
                usize::from(mailbox.push(call).is_err())
            })
        };
        let again = call(2, &store);
        again.watch_arguments();
        let refused = usize::from(mailbox.push_first(again).is_some());
        mailbox.kill(false, None);
        let refused = refused + caller.join().unwrap();
        assert_eq!(reader.join().unwrap() + refused, 2, "each is served, left, or refused");
    });
}
