//! Places that many wait for, some of whom go before they have one.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::thread;

use super::{explore, waker};
use crate::state::queue::room::Room;

/// Takes a place, as soon as there is one.
fn take(room: &Arc<Room>) {
    let mut waiting = pin!(room.wait());
    loop {
        match waiting.as_mut().poll(&mut Context::from_waker(&waker())) {
            Poll::Ready(place) => {
                return room.take(true, &mut Some(place.expect("it is open"))).expect("it has a place");
            }
            Poll::Pending => thread::park(),
        }
    }
}

fn leave(room: &Room) {
    room.leave().into_iter().for_each(Waker::wake);
}

#[test]
fn each_place_wakes_one_who_waits_and_none_is_lost() {
    explore(|| {
        let room = Room::new(1);
        let patient: Vec<_> = (0..2)
            .map(|_| {
                let room = room.clone();
                thread::spawn(move || {
                    take(&room);
                    leave(&room);
                })
            })
            .collect();
        let impatient = {
            let room = room.clone();
            thread::spawn(move || {
                let mut waiting = pin!(room.wait());
                // Dropped whether it has a place or not.
                let _ = waiting.as_mut().poll(&mut Context::from_waker(&waker()));
            })
        };
        if room.take(true, &mut None).is_ok() {
            leave(&room);
        }
        patient.into_iter().chain([impatient]).for_each(|thread| thread.join().unwrap());
        assert_eq!(room.pending(), 0);
    });
}

#[test]
fn who_waits_hears_of_the_end() {
    explore(|| {
        let room = Room::new(1);
        room.take(true, &mut None).expect("it is empty");
        let waiting = {
            let room = room.clone();
            thread::spawn(move || {
                let mut waiting = pin!(room.wait());
                while waiting.as_mut().poll(&mut Context::from_waker(&waker())).is_pending() {
                    thread::park();
                }
            })
        };
        let closing = {
            let room = room.clone();
            thread::spawn(move || room.drain())
        };
        leave(&room);
        waiting.join().unwrap();
        closing.join().unwrap();
        assert_eq!(room.pending(), 0);
    });
}
