//! Who waits for room, while it comes, is refused, and is let go of; and others who go before they have any.
//!
//! The line's own lock is one step here, and its threads do not sleep: they sleep until a time, which there is none of here, and
//! nothing is taken behind that lock. What is tried out is what comes of it for those who wait.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use shuttle::thread;

use super::{explore, waker};
use crate::state::object::gathering::{Claimant, Gathered, Gathering};
use crate::state::object::store::ObjectStore;
use crate::types::error::{ErrorKind, TaskError};

const LIMIT: u64 = 1 << 20;

/// Goes through the line once, as a thread that reads does: who has a turn gets room, or waits on where there is none.
fn serve(store: &Arc<ObjectStore>) {
    let line = store.gatherings();
    while let Some((need, change)) = line.turn(LIMIT) {
        match store.reserve_free(need.bytes) {
            Ok(room) => line.serve(&need, Gathered { outcomes: Vec::new(), room: Ok(Some(room)) }),
            Err(_) => line.put_back(&need, need.bytes, change),
        }
    }
}

fn join(store: &Arc<ObjectStore>) -> Gathering {
    store.gatherings().join(Vec::new(), LIMIT / 2, Claimant::default())
}

/// Waits until it has come.
fn take(gathering: &Gathering) -> Gathered {
    let mut waiting = pin!(gathering);
    while waiting.as_mut().poll(&mut Context::from_waker(&waker())).is_pending() {
        thread::park();
    }
    gathering.take().expect("it has come")
}

#[test]
fn who_waits_hears_what_came_and_the_room_of_who_is_gone_is_free() {
    explore(|| {
        let store = ObjectStore::new(LIMIT);
        let (patient, impatient) = (join(&store), join(&store));
        let threads = [
            thread::spawn(move || assert!(matches!(take(&patient).room, Ok(Some(_))))),
            thread::spawn(move || {
                let polled = pin!(&impatient).poll(&mut Context::from_waker(&waker()));
                // Dropped whether it has come or not.
                assert!(polled == Poll::Pending || impatient.is_done());
            }),
        ];
        serve(&store);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(store.used_bytes(), 0);
    });
}

#[test]
fn who_waits_hears_the_end_or_what_came_before_it() {
    explore(|| {
        let store = ObjectStore::new(LIMIT);
        let waits = join(&store);
        let waiting = thread::spawn(move || match take(&waits).room {
            Ok(room) => assert!(room.is_some()),
            Err(told) => assert_eq!(told.kind, ErrorKind::HostShutDown),
        });
        let closing = {
            let store = store.clone();
            thread::spawn(move || store.gatherings().close())
        };
        serve(&store);
        waiting.join().unwrap();
        closing.join().unwrap();
        let late: Arc<TaskError> = take(&join(&store)).room.expect_err("nothing comes any more");
        assert_eq!((late.kind, store.used_bytes()), (ErrorKind::HostShutDown, 0));
    });
}

#[test]
fn what_nobody_takes_is_let_go_of_or_taken() {
    explore(|| {
        let store = ObjectStore::new(LIMIT);
        let waits = join(&store).lapsing();
        let (need, _) = store.gatherings().turn(LIMIT).expect("it waits");
        let room = store.reserve_free(need.bytes).expect("there is some");
        let serving = {
            let (store, need) = (store.clone(), need.clone());
            let gathered = Gathered { outcomes: Vec::new(), room: Ok(Some(room)) };
            thread::spawn(move || store.gatherings().serve(&need, gathered))
        };
        let letting_go = thread::spawn(move || need.let_go());
        let room = take(&waits).room.expect("it is not refused");
        serving.join().unwrap();
        letting_go.join().unwrap();
        drop((room, waits));
        assert_eq!(store.used_bytes(), 0);
    });
}
