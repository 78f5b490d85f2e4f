//! Locks with a rank. Where a thread holds several, it takes them in the order of their ranks, so that no two threads can wait
//! for each other; and what counts handles is never dropped while one is held, because its end may need any other lock.
//!
//! Both are asserted where debug assertions are on. There a lock that cannot be had for [`DEADLOCK_AFTER`] panics as well, and
//! says who holds it. A release build has the bare mutex.
//!
//! With the crate's feature `shuttle` the mutex and the atomics are those of the crate of that name, which tries out the orders
//! in which threads can run.

use std::ops::{Deref, DerefMut};

#[cfg(feature = "shuttle")]
pub use shuttle::sync::atomic;
#[cfg(not(feature = "shuttle"))]
pub use std::sync::atomic;

/// The ranks, from what is taken first.
pub mod rank {
    /// Held while a named actor is looked for that is else created.
    pub const CREATING: u8 = 1;
    /// Held while cold objects are written to disk.
    pub const SPILLING: u8 = 2;
    /// What only keeps others from doing the same: things may be dropped behind it.
    #[cfg(debug_assertions)]
    pub const LAST_GATE: u8 = SPILLING;
    /// The scheduler.
    pub const SCHEDULER: u8 = 10;
    /// The threads of a host.
    pub const THREADS: u8 = 11;
    /// Deadlines and rests.
    pub const TIMERS: u8 = 12;
    /// What runs.
    pub const RUNNING: u8 = 13;
    /// What is to be given up.
    pub const FAILING: u8 = 14;
    /// The names of actors.
    pub const NAMES: u8 = 15;
    /// The places for pending tasks.
    pub const ROOM: u8 = 16;
    /// An actor's mailbox.
    pub const MAILBOX: u8 = 20;
    /// The calls that an actor serves at once.
    pub const CONCURRENT_CALLS: u8 = 21;
    /// What an actor does right now, and where it lives.
    pub const ACTOR: u8 = 22;
    /// A stream's items.
    pub const STREAM: u8 = 30;
    /// A task's record.
    pub const TASK: u8 = 40;
    /// What a guest waits for.
    pub const BLOCKED_ON: u8 = 41;
    /// What somebody waited for, once it is there.
    pub const GATHERED: u8 = 43;
    /// What a task submitted last, and when its last attempt began.
    pub const NARROWED: u8 = 42;
    /// What a task submitted that is not done.
    pub const FAMILY: u8 = 43;
    /// An object.
    pub const OBJECT: u8 = 50;
    /// A part of the object store's account.
    pub const STORE: u8 = 60;
}

/// How long a lock is waited for where debug assertions are on, before that counts as a deadlock. Nothing is done under a lock
/// that takes a thousandth of it.
#[cfg(all(debug_assertions, not(feature = "shuttle")))]
pub const DEADLOCK_AFTER: std::time::Duration = std::time::Duration::from_secs(60);

#[cfg(not(feature = "shuttle"))]
pub use futures::task::AtomicWaker;
#[cfg(feature = "shuttle")]
pub use steps::AtomicWaker;

/// What is no part of `shuttle`, as steps between which other threads have their turn.
#[cfg(feature = "shuttle")]
mod steps {
    use std::task::Waker;

    use shuttle::sync::atomic::{AtomicBool, Ordering};

    /// Each of its functions is one step.
    #[derive(Default)]
    pub struct AtomicWaker(futures::task::AtomicWaker, AtomicBool);

    impl AtomicWaker {
        pub fn new() -> Self {
            AtomicWaker::default()
        }

        pub fn register(&self, waker: &Waker) {
            self.1.load(Ordering::SeqCst);
            self.0.register(waker);
        }

        pub fn wake(&self) {
            self.1.load(Ordering::SeqCst);
            self.0.wake();
        }
    }
}

#[cfg(feature = "shuttle")]
type Raw<T> = shuttle::sync::Mutex<T>;
#[cfg(not(feature = "shuttle"))]
type Raw<T> = parking_lot::Mutex<T>;

#[cfg(feature = "shuttle")]
type RawGuard<'a, T> = shuttle::sync::MutexGuard<'a, T>;
#[cfg(not(feature = "shuttle"))]
type RawGuard<'a, T> = parking_lot::MutexGuard<'a, T>;

/// A mutex of this [rank].
pub struct Mutex<T, const RANK: u8> {
    raw: Raw<T>,
    #[cfg(debug_assertions)]
    holder: watch::Holder,
}

/// A mutex that is held.
pub struct Guard<'a, T> {
    /// First, so that it says nothing of who holds the mutex next.
    #[cfg(debug_assertions)]
    _held: watch::Held<'a>,
    raw: RawGuard<'a, T>,
}

impl<T, const RANK: u8> Mutex<T, RANK> {
    /// A mutex that nobody holds.
    pub fn new(value: T) -> Self {
        Mutex {
            raw: Raw::new(value),
            #[cfg(debug_assertions)]
            holder: watch::Holder::default(),
        }
    }

    /// Waits until nobody else holds it.
    #[cfg_attr(debug_assertions, track_caller)]
    pub fn lock(&self) -> Guard<'_, T> {
        #[cfg(debug_assertions)]
        watch::assert_order(RANK);
        self.lock_in_order()
    }

    #[cfg(not(debug_assertions))]
    fn lock_in_order(&self) -> Guard<'_, T> {
        Guard { raw: lock(&self.raw) }
    }

    #[cfg(debug_assertions)]
    #[track_caller]
    fn lock_in_order(&self) -> Guard<'_, T> {
        let raw = lock(&self.raw, || self.holder.tell());
        Guard { raw, _held: self.holder.hold(RANK) }
    }
}

#[cfg(all(not(debug_assertions), not(feature = "shuttle")))]
fn lock<T>(raw: &Raw<T>) -> RawGuard<'_, T> {
    raw.lock()
}

#[cfg(all(debug_assertions, not(feature = "shuttle")))]
#[track_caller]
fn lock<T>(raw: &Raw<T>, holder: impl Fn() -> String) -> RawGuard<'_, T> {
    let held = raw.try_lock_for(DEADLOCK_AFTER);
    held.unwrap_or_else(|| watch::deadlock(&holder()))
}

#[cfg(all(not(debug_assertions), feature = "shuttle"))]
fn lock<T>(raw: &Raw<T>) -> RawGuard<'_, T> {
    raw.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(all(debug_assertions, feature = "shuttle"))]
fn lock<T>(raw: &Raw<T>, _holder: impl Fn() -> String) -> RawGuard<'_, T> {
    // It finds deadlocks by itself.
    raw.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl<T: Default, const RANK: u8> Default for Mutex<T, RANK> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T, const RANK: u8> std::fmt::Debug for Mutex<T, RANK> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mutex")
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.raw
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.raw
    }
}

/// Asserts, where debug assertions are on, that this thread holds no lock: something that counts handles is about to go.
pub fn assert_unlocked(what: &str) {
    #[cfg(debug_assertions)]
    watch::assert_unlocked(what);
    #[cfg(not(debug_assertions))]
    let _ = what;
}

/// Which locks each thread holds.
#[cfg(debug_assertions)]
mod watch {
    use std::cell::RefCell;
    use std::panic::Location;
    use std::sync::Mutex;
    use std::thread::ThreadId;

    use super::rank::LAST_GATE;

    #[cfg(feature = "shuttle")]
    shuttle::thread_local! {
        static HELD: RefCell<Vec<u8>> = RefCell::new(Vec::new());
    }
    #[cfg(not(feature = "shuttle"))]
    thread_local! {
        static HELD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    /// Who holds a mutex, and since which line.
    #[derive(Default)]
    pub struct Holder(Mutex<Option<(ThreadId, &'static Location<'static>)>>);

    /// That it is held.
    pub struct Held<'a> {
        holder: &'a Holder,
        rank: u8,
    }

    impl Holder {
        #[track_caller]
        pub fn hold(&self, rank: u8) -> Held<'_> {
            self.note(Some((std::thread::current().id(), Location::caller())));
            // A host may be dropped by a thread that ends, whose own variables are gone by then: nothing is asserted there.
            let _ = HELD.try_with(|held| held.borrow_mut().push(rank));
            Held { holder: self, rank }
        }

        pub fn tell(&self) -> String {
            let holder = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            holder.as_ref().map_or_else(|| "nobody".to_owned(), |(thread, at)| format!("{thread:?}, since {at}"))
        }

        fn note(&self, holder: Option<(ThreadId, &'static Location<'static>)>) {
            *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = holder;
        }
    }

    impl Drop for Held<'_> {
        fn drop(&mut self) {
            self.holder.note(None);
            // Guards need not be let go in the order in which they were taken.
            let _ = HELD.try_with(|held| {
                let mut held = held.borrow_mut();
                if let Some(place) = held.iter().rposition(|rank| *rank == self.rank) {
                    held.remove(place);
                }
            });
        }
    }

    fn highest_held() -> u8 {
        HELD.try_with(|held| held.borrow().iter().max().copied()).ok().flatten().unwrap_or(0)
    }

    #[track_caller]
    pub fn assert_order(rank: u8) {
        let highest = highest_held();
        assert!(
            highest < rank || std::thread::panicking(),
            "a lock of rank {rank} is taken while one of rank {highest} is held"
        );
    }

    pub fn assert_unlocked(what: &str) {
        let highest = highest_held();
        assert!(
            highest <= LAST_GATE || std::thread::panicking(),
            "{what} is dropped while a lock of rank {highest} is held"
        );
    }

    #[cfg(not(feature = "shuttle"))]
    #[track_caller]
    pub fn deadlock(holder: &str) -> ! {
        let held = HELD.try_with(|held| held.borrow().clone()).unwrap_or_default();
        #[expect(clippy::panic, reason = "a fault that a test has to see")]
        {
            panic!("a lock was not to be had: {holder} holds it, and this thread those of the ranks {held:?}")
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_a_lower_rank_is_not_taken_under_one_of_a_higher() {
        let (low, high) = (Mutex::<u32, { rank::SCHEDULER }>::new(1), Mutex::<u32, { rank::OBJECT }>::new(2));
        let first = low.lock();
        assert_eq!(*high.lock() + *first, 3);
        drop(first);
        let wrong = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _high = high.lock();
            drop(low.lock());
        }));
        assert_eq!(wrong.is_err(), cfg!(debug_assertions));
        drop(low.lock());
    }

    /// A lock that is taken when the thread that made it ends.
    struct Late(Mutex<u32, { rank::STORE }>);

    impl Drop for Late {
        fn drop(&mut self) {
            *self.0.lock() += 1;
            assert_unlocked("what ends with a thread");
        }
    }

    thread_local! {
        static LATE: Late = Late(Mutex::new(0));
    }

    #[test]
    fn a_thread_that_ends_takes_locks_as_others_do() {
        let ended = std::thread::spawn(|| LATE.with(|late| drop(late.0.lock()))).join();
        assert!(ended.is_ok());
    }

    #[test]
    fn nothing_counted_is_dropped_under_a_lock() {
        let (gate, lock) = (Mutex::<_, { rank::CREATING }>::new(()), Mutex::<_, { rank::TASK }>::new(()));
        let behind = gate.lock();
        assert_unlocked("a task");
        let held = lock.lock();
        assert_eq!(std::panic::catch_unwind(|| assert_unlocked("a task")).is_err(), cfg!(debug_assertions));
        drop((held, behind));
        assert_unlocked("a task");
    }
}
