//! Room for pending tasks: a count, and a list of those who wait for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use fastrand::Rng;

use crate::state::queue::room::{Place, Room, Waiting};
use crate::types::error::ErrorKind;
use rustyray_testkit::seeds;

const MAX: usize = 3;

/// How often somebody was woken.
#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Waiter {
    waiting: Pin<Box<Waiting>>,
    woken: Arc<Woken>,
    /// Its place in the line, since the first poll at which it had to wait.
    stands: Option<u32>,
    /// It was handed a place.
    served: bool,
}

struct World {
    rng: Rng,
    room: Arc<Room>,
    /// Places that are taken: by tasks, by whoever was handed one, and by who holds one.
    taken: usize,
    tasks: usize,
    waiters: Vec<Waiter>,
    places: Vec<Place>,
    /// How many stood in the line.
    stood: u32,
    drains: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let (rng, room) = (Rng::with_seed(seed), Room::new(MAX));
        World { rng, room, taken: 0, tasks: 0, waiters: Vec::new(), places: Vec::new(), stood: 0, drains: false }
    }

    fn take(&mut self) {
        let outside = self.rng.bool();
        let mut place = if self.rng.bool() { self.places.pop() } else { None };
        let had_place = place.is_some();
        let taken = self.room.take(outside, &mut place).map_err(|error| error.kind);
        let expected = match () {
            () if self.drains && outside => Err(ErrorKind::HostShutDown),
            () if had_place => Ok(()),
            () if self.taken >= MAX => Err(ErrorKind::QueueFull),
            () => Ok(()),
        };
        assert_eq!(taken, expected);
        if taken.is_ok() {
            self.tasks += 1;
            if !had_place {
                self.taken += 1;
            }
        } else if had_place {
            drop(place);
            self.expect_left();
        }
    }

    /// One place less is taken, or the first who stands in the line has it.
    fn expect_left(&mut self) {
        self.taken -= 1;
        let line = self.waiters.iter_mut().filter(|waiter| waiter.stands.is_some() && !waiter.served);
        let next = line.min_by_key(|waiter| waiter.stands);
        if let Some(next) = next.filter(|_| self.taken < MAX && !self.drains) {
            next.served = true;
            self.taken += 1;
        }
    }

    fn leave(&mut self) {
        if self.tasks > 0 {
            self.tasks -= 1;
            self.room.leave().into_iter().for_each(Waker::wake);
            self.expect_left();
        }
    }

    fn come_back(&mut self) {
        self.room.come_back();
        self.tasks += 1;
        self.taken += 1;
    }

    fn begin_to_wait(&mut self) {
        let (waiting, woken) = (Box::pin(self.room.wait()), Arc::default());
        self.waiters.push(Waiter { waiting, woken, stands: None, served: false });
    }

    fn poll(&mut self) {
        if self.waiters.is_empty() {
            return;
        }
        let at = self.rng.usize(..self.waiters.len());
        let waiter = &mut self.waiters[at];
        let waker = Waker::from(waiter.woken.clone());
        let polled = waiter.waiting.as_mut().poll(&mut Context::from_waker(&waker));
        match polled {
            Poll::Ready(Some(place)) => {
                assert!(waiter.served || (!self.drains && self.taken < MAX), "there is a place");
                if !waiter.served {
                    self.taken += 1;
                }
                self.places.push(place);
                self.waiters.remove(at);
            }
            Poll::Ready(None) => {
                assert!(self.drains && !waiter.served);
                self.waiters.remove(at);
            }
            Poll::Pending => {
                assert!(!waiter.served && !self.drains && self.taken >= MAX, "it has to wait");
                self.stood += 1;
                waiter.stands.get_or_insert(self.stood);
            }
        }
    }

    /// It goes, whether it was handed a place or not.
    fn give_up(&mut self) {
        if !self.waiters.is_empty() {
            let at = self.rng.usize(..self.waiters.len());
            let waiter = self.waiters.remove(at);
            let served = waiter.served;
            drop(waiter);
            if served {
                self.expect_left();
            }
        }
    }

    fn drop_place(&mut self) {
        if let Some(place) = self.places.pop() {
            drop(place);
            self.expect_left();
        }
    }

    fn drain(&mut self) {
        self.room.drain();
        self.drains = true;
        self.waiters.iter().filter(|waiter| waiter.stands.is_some()).for_each(|waiter| {
            assert!(waiter.woken.0.load(Ordering::Relaxed) > 0, "who waits hears of the end");
        });
    }

    fn step(&mut self) {
        match self.rng.u8(..100) {
            0..25 => self.take(),
            25..50 => self.leave(),
            50..53 => self.come_back(),
            53..68 => self.begin_to_wait(),
            68..85 => self.poll(),
            85..92 => self.give_up(),
            92..99 => self.drop_place(),
            _ if !self.drains && self.rng.u8(..8) == 0 => self.drain(),
            _ => {}
        }
        assert_eq!(self.room.pending(), self.taken);
        for waiter in self.waiters.iter().filter(|waiter| waiter.stands.is_some()) {
            let woken = waiter.woken.0.load(Ordering::Relaxed) > 0;
            assert!(woken == waiter.served || self.drains, "who is woken has a place, and who has one was woken");
        }
    }
}

#[test]
fn room_does_as_a_count_and_a_list_would() {
    seeds::each(300, |seed| {
        let mut world = World::new(seed);
        (0..400).for_each(|_| world.step());
        world.waiters.clear();
        world.places.clear();
        for _ in 0..world.tasks {
            world.room.leave().into_iter().for_each(Waker::wake);
        }
        assert_eq!(world.room.pending(), 0);
    });
}
