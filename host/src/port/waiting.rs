//! Waiting for objects: a future over any number of them, and a wait as a guest does it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::waits::WaitPort;
use crate::state::actor::concurrent_calls::{ConcurrentCalls, News};
use crate::state::deadlock::blocked_on::{Awaited, Wait};
use crate::state::object::gathering::Gathering;
use crate::state::object::store::Reservation;
use crate::state::object::{ObjectRef, Outcome, WatchKey, Watcher};
use crate::state::task::TaskRecord;
use crate::types::clock::Sleep;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::limits::{READ_PATIENCE, ROOM_PATIENCE};
use crate::types::panics::caught;
use crate::types::sync::AtomicWaker;
use crate::types::sync::atomic::{AtomicUsize, Ordering};

/// Ends when at least `count` of the objects are sealed. Each object costs one registration, however often it is polled.
pub struct Sealed<'a> {
    objects: &'a [ObjectRef],
    keys: Vec<(usize, WatchKey)>,
    /// Will somebody outside seal one of them?
    from_outside: bool,
    tally: Arc<Tally>,
}

struct Tally {
    missing: AtomicUsize,
    waker: AtomicWaker,
}

impl Watcher for Tally {
    fn sealed(self: Arc<Self>, _failed: bool) {
        self.count_one();
    }
}

impl Tally {
    fn is_complete(&self) -> bool {
        self.missing.load(Ordering::Acquire) == 0
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.waker.register(cx.waker());
        if self.is_complete() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn count_one(&self) {
        let one_less = |missing: usize| missing.checked_sub(1);
        let before = self.missing.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
        if before == Ok(1) {
            // An embedder's executor, in the middle of sealing an object: whatever it does is its own.
            let _ = caught(|| self.waker.wake());
        }
    }
}

impl<'a> Sealed<'a> {
    /// Waits for `count` of the objects; for all where there are fewer.
    pub fn new(objects: &'a [ObjectRef], count: usize) -> Self {
        let tally = Arc::new(Tally { missing: AtomicUsize::new(count.min(objects.len())), waker: AtomicWaker::new() });
        let mut keys = Vec::new();
        for (index, object) in objects.iter().enumerate() {
            match object.watch(tally.clone()) {
                Ok(key) => keys.push((index, key)),
                Err(_) => tally.count_one(),
            }
        }
        let from_outside = keys.iter().any(|(_, key)| key.is_from_outside());
        Sealed { objects, keys, from_outside, tally }
    }
}

impl Future for Sealed<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.tally.poll(cx)
    }
}

impl Drop for Sealed<'_> {
    fn drop(&mut self) {
        for (index, key) in self.keys.drain(..) {
            self.objects[index].unwatch(&key, &*self.tally);
        }
    }
}

/// What a wait is for.
trait Awaitable: Future<Output = ()> + Unpin {
    /// Is it there already?
    fn is_complete(&self) -> bool;

    /// Will somebody outside end it?
    fn is_from_outside(&self) -> bool;
}

impl Awaitable for Sealed<'_> {
    fn is_complete(&self) -> bool {
        self.tally.is_complete()
    }

    fn is_from_outside(&self) -> bool {
        self.from_outside
    }
}

impl Awaitable for &Gathering {
    fn is_complete(&self) -> bool {
        self.is_done()
    }

    fn is_from_outside(&self) -> bool {
        false
    }
}

/// What a guest waits for; without any of it it is a timer.
pub struct Wanted {
    /// Objects that nobody reads from disk.
    pub objects: Awaited,
    /// How many of them, or more than there are: then they alone do not end the wait.
    pub count: usize,
    /// Those that are read from disk; one that has come ends the wait.
    pub coming: Vec<Arc<Gathering>>,
}

/// Ends when enough of what a guest waits for is there.
struct Arrivals<'a> {
    sealed: Option<Sealed<'a>>,
    coming: &'a [Arc<Gathering>],
}

impl Wanted {
    /// All of these objects, so many of them, or all where there are fewer.
    pub fn of(objects: Awaited, count: usize) -> Self {
        let count = count.min(objects.len());
        Wanted { objects, count, coming: Vec::new() }
    }

    fn arrivals(&self) -> Option<Arrivals<'_>> {
        let suffice = self.count > 0 && self.count <= self.objects.len();
        let sealed = suffice.then(|| Sealed::new(&self.objects, self.count));
        let coming = &self.coming[..];
        (sealed.is_some() || !coming.is_empty()).then_some(Arrivals { sealed, coming })
    }

    /// As others see it.
    fn wait(&self) -> Wait {
        Wait { objects: self.objects.clone(), count: self.count }
    }
}

impl Awaitable for Arrivals<'_> {
    fn is_complete(&self) -> bool {
        let has_come = || self.coming.iter().any(|gathering| gathering.is_done());
        self.sealed.as_ref().is_some_and(Awaitable::is_complete) || has_come()
    }

    fn is_from_outside(&self) -> bool {
        !self.coming.is_empty() || self.sealed.as_ref().is_some_and(Awaitable::is_from_outside)
    }
}

impl Future for Arrivals<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let sealed = self.sealed.as_mut().is_some_and(|sealed| Pin::new(sealed).poll(cx).is_ready());
        let come = self.coming.iter().fold(sealed, |come, gathering| gathering.poll_done(cx).is_ready() | come);
        if come { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// Enough objects are sealed.
    Ready,
    /// The time is up.
    TimedOut,
    /// The waiting task was asked to stop.
    CancelRequested,
    /// What it waits for waits for it.
    InVain(Arc<TaskError>),
}

/// A wait of a guest.
pub async fn wait_in(
    port: &dyn WaitPort,
    task: &Arc<TaskRecord>,
    wanted: &Wanted,
    timeout: Option<Duration>,
) -> Waited {
    wait(port, Some((task, Some(wanted.wait()))), wanted.arrivals(), timeout).await
}

/// A wait of the embedder.
pub async fn wait_outside(
    port: &dyn WaitPort,
    objects: &[ObjectRef],
    count: usize,
    timeout: Option<Duration>,
) -> Waited {
    let sealed = (count > 0 && !objects.is_empty()).then(|| Sealed::new(objects, count));
    wait(port, None, sealed, timeout).await
}

/// Waits for an object's value, of a guest or of the embedder; `Err` says why there is none.
pub async fn value_of(
    port: &dyn WaitPort,
    task: Option<&Arc<TaskRecord>>,
    object: &ObjectRef,
    timeout: Option<Duration>,
) -> Result<Outcome, Waited> {
    let until = timeout.and_then(|timeout| port.clock().now().checked_add(timeout));
    loop {
        if let Some(outcome) = object.outcome() {
            return Ok(outcome);
        }
        let left = until.map(|until| until.saturating_duration_since(port.clock().now()));
        if object.is_away() {
            // Apart: few are spilled, and what that takes has no place in the future of every wait.
            match Box::pin(gathered(port, task, object, left)).await? {
                Some(outcome) => return Ok(outcome),
                // It is made again.
                None => continue,
            }
        }
        let on = Wait { objects: Awaited::One(object.clone()), count: 1 };
        let sealed = Sealed::new(std::slice::from_ref(object), 1);
        match wait(port, task.map(|task| (task, Some(on))), Some(sealed), left).await {
            Waited::Ready => {}
            ended => return Err(ended),
        }
    }
}

/// Waits for the value of an object that was spilled: it comes back by itself. `None` if it is lost, and made again; `Err` says why
/// the wait ended before.
async fn gathered(
    port: &dyn WaitPort,
    task: Option<&Arc<TaskRecord>>,
    object: &ObjectRef,
    timeout: Option<Duration>,
) -> Result<Option<Outcome>, Waited> {
    let gathering = port.gather(vec![object.clone()], 0, task.map(Arc::as_ref));
    come(port, task, &gathering, timeout).await
}

/// Waits until one object has come, and takes it. What is there comes also where there is no time to wait for what is not.
pub async fn come(
    port: &dyn WaitPort,
    task: Option<&Arc<TaskRecord>>,
    gathering: &Gathering,
    timeout: Option<Duration>,
) -> Result<Option<Outcome>, Waited> {
    let timeout = timeout.map(|timeout| timeout.max(READ_PATIENCE));
    match wait(port, task.map(|task| (task, None)), Some(gathering), timeout).await {
        Waited::Ready => Ok(gathering.take().and_then(|gathered| gathered.outcomes.into_iter().next().flatten())),
        ended => Err(ended),
    }
}

/// Waits for so much room in the store, which was not there for this reason, in line with others, and as long as [`ROOM_PATIENCE`]. A
/// task that waits gives its CPU slot back.
pub async fn room(
    port: &dyn WaitPort,
    task: Option<&Arc<TaskRecord>>,
    bytes: u64,
    full: Arc<TaskError>,
) -> TaskResult<Reservation> {
    let gathering = port.gather(Vec::new(), bytes, task.map(Arc::as_ref)).unless(full);
    match wait(port, task.map(|task| (task, None)), Some(&gathering), Some(ROOM_PATIENCE)).await {
        Waited::CancelRequested => Err(Arc::new(stop_request())),
        Waited::Ready | Waited::TimedOut | Waited::InVain(_) => gathering.take_room(),
    }
}

/// The error of what a task waits for when it is asked to stop.
pub fn stop_request() -> TaskError {
    TaskError::new(ErrorKind::TaskCancelled, "this task was asked to stop")
}

/// Waits until the timeout, or until the waiting task is asked to stop or waits in vain. Without objects it is a timer. A
/// guest tells what it waits for, where only other tasks can end that.
async fn wait(
    port: &dyn WaitPort,
    guest: Option<(&Arc<TaskRecord>, Option<Wait>)>,
    mut sealed: Option<impl Awaitable>,
    timeout: Option<Duration>,
) -> Waited {
    let only_timer = sealed.is_none();
    let mut sleep = timeout.and_then(|timeout| sleep_for(port, timeout));
    // Ready already: no slot is given back, nobody is woken.
    if sealed.as_ref().is_some_and(|sealed| sealed.is_complete()) {
        return Waited::Ready;
    }
    if timeout.is_some_and(|timeout| timeout.is_zero()) || (only_timer && timeout.is_none()) {
        return Waited::TimedOut;
    }
    let task = guest.as_ref().map(|(task, _)| *task);
    // Neither a timer nor somebody outside ends it.
    let alone = sleep.is_none() && !sealed.as_ref().is_some_and(Awaitable::is_from_outside);
    let _parked = guest.map(|(task, wait)| Parked::new(port, task, wait.filter(|_| alone)));
    poll_fn(move |cx| {
        if let Some(task) = task {
            task.interrupt().register(cx.waker());
            if task.cancel_requested() {
                return Poll::Ready(Waited::CancelRequested);
            }
        }
        if sealed.as_mut().is_some_and(|sealed| Pin::new(sealed).poll(cx).is_ready()) {
            return Poll::Ready(Waited::Ready);
        }
        if let Some(verdict) = task.and_then(|task| task.blocked_on().verdict()) {
            return Poll::Ready(Waited::InVain(verdict));
        }
        match sleep.as_mut().map(|sleep| sleep.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Waited::TimedOut),
            _ => Poll::Pending,
        }
    })
    .await
}

/// What a guest that serves several calls at once has to know; `None` when enough of what it wants is there, or the time is up.
pub async fn wait_for_news(
    port: &dyn WaitPort,
    concurrent_calls: &Arc<ConcurrentCalls>,
    wanted: &Wanted,
    timeout: Option<Duration>,
) -> Option<News> {
    if let Some(news) = concurrent_calls.news() {
        return Some(news);
    }
    let mut arrivals = wanted.arrivals();
    if arrivals.as_ref().is_some_and(Awaitable::is_complete) || timeout.is_some_and(|timeout| timeout.is_zero()) {
        return None;
    }
    let mut sleep = timeout.and_then(|timeout| sleep_for(port, timeout));
    let alone = sleep.is_none() && !arrivals.as_ref().is_some_and(Awaitable::is_from_outside);
    let _listening = Listening::new(port, concurrent_calls, alone.then(|| wanted.wait()));
    poll_fn(|cx| {
        if let Some(news) = concurrent_calls.poll_news(cx) {
            return Poll::Ready(Some(news));
        }
        let come = arrivals.as_mut().is_some_and(|arrivals| Pin::new(arrivals).poll(cx).is_ready());
        match come || sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready()) {
            true => Poll::Ready(None),
            false => Poll::Pending,
        }
    })
    .await
}

/// A guest that waits for news; dropping it, also because the guest is ended, lets it go on.
struct Listening<'a> {
    port: &'a dyn WaitPort,
    concurrent_calls: &'a Arc<ConcurrentCalls>,
    rests: bool,
}

impl<'a> Listening<'a> {
    /// It rests if only calls and other tasks end the `wait`.
    fn new(port: &'a dyn WaitPort, concurrent_calls: &'a Arc<ConcurrentCalls>, wait: Option<Wait>) -> Self {
        concurrent_calls.set_listens(true);
        let rests = wait.is_some();
        if let Some(wait) = wait {
            port.block_calls(concurrent_calls, wait);
        }
        Listening { port, concurrent_calls, rests }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        if self.rests {
            self.port.unblock_calls(self.concurrent_calls);
        }
        self.concurrent_calls.set_listens(false);
    }
}

/// A sleep of this length; `None` where it ends beyond all time.
fn sleep_for(port: &dyn WaitPort, timeout: Duration) -> Option<Sleep> {
    let until: Instant = port.clock().now().checked_add(timeout)?;
    Some(port.clock().sleep_until(until))
}

/// A task that waits; dropping it, also because the task is cancelled, lets it go on.
pub struct Parked<'a> {
    port: &'a dyn WaitPort,
    task: &'a Arc<TaskRecord>,
    alone: bool,
}

impl<'a> Parked<'a> {
    /// It waits from here on; for `wait`, if only other tasks can end that.
    pub fn new(port: &'a dyn WaitPort, task: &'a Arc<TaskRecord>, wait: Option<Wait>) -> Self {
        let alone = wait.is_some();
        port.block(task, wait);
        Parked { port, task, alone }
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.port.unblock(self.task, self.alone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::object::gathering::{Claimant, Gathered};
    use crate::state::object::payload::{Encoding, Payload};
    use crate::state::object::store::ObjectStore;

    const LIMIT: u64 = 1 << 20;

    /// A guest that waits for an object, and for two that are read.
    pub struct Waits {
        store: Arc<ObjectStore>,
        object: ObjectRef,
        pub wanted: Wanted,
    }

    impl Waits {
        pub fn new() -> Self {
            let store = ObjectStore::new(LIMIT);
            let object = store.promise();
            let join = |_| Arc::new(store.gatherings().join(vec![object.clone()], 1, Claimant::default()));
            let coming = [0, 1].map(join).into();
            let wanted = Wanted { objects: Awaited::One(object.clone()), count: 1, coming };
            Waits { store, object, wanted }
        }

        /// What is to seal the object.
        pub fn sealing(&self) -> impl FnOnce() + Send + 'static {
            let (store, object) = (self.store.clone(), self.object.clone());
            move || object.seal(store.store(Payload::new(Encoding::Raw, "")), None)
        }

        /// What is to serve the next of the two.
        pub fn serving(&self) -> impl FnOnce() + Send + 'static {
            let store = self.store.clone();
            let (need, _) = store.gatherings().turn(LIMIT).expect("it waits");
            move || store.gatherings().serve(&need, Gathered { outcomes: Vec::new(), room: Ok(None) })
        }
    }

    #[cfg(not(feature = "shuttle"))]
    mod alone {
        use std::task::{Wake, Waker};

        use super::*;

        #[derive(Default)]
        struct Woken(AtomicUsize);

        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }

        #[test]
        fn whatever_comes_first_ends_a_wait_and_wakes_who_waits() {
            for first in ["the object", "the first", "the second"] {
                let waits = Waits::new();
                let woken = Arc::new(Woken::default());
                let waker = Waker::from(woken.clone());
                let mut arrivals = waits.wanted.arrivals().expect("something to wait for");
                let mut poll = || Pin::new(&mut arrivals).poll(&mut Context::from_waker(&waker));
                assert!(poll().is_pending());
                match first {
                    "the object" => waits.sealing()(),
                    "the first" => waits.serving()(),
                    _ => {
                        // It has its turn, and nothing comes of it.
                        drop(waits.serving());
                        waits.serving()();
                    }
                }
                assert_eq!((woken.0.load(Ordering::Relaxed), poll()), (1, Poll::Ready(())), "{first}");
            }
        }
    }
}

#[cfg(all(test, feature = "shuttle"))]
mod schedules {
    use std::pin::pin;

    use shuttle::thread;

    use super::tests::Waits;
    use super::*;
    use crate::state::schedules::{explore, waker};

    /// Waits in another thread, while these come.
    fn wait_for(waits: Waits, coming: Vec<Box<dyn FnOnce() + Send>>) {
        let waiting = thread::spawn(move || {
            let mut arrivals = pin!(waits.wanted.arrivals().expect("something to wait for"));
            while arrivals.as_mut().poll(&mut Context::from_waker(&waker())).is_pending() {
                thread::park();
            }
            assert!(arrivals.is_complete());
        });
        let coming: Vec<_> = coming.into_iter().map(thread::spawn).collect();
        coming.into_iter().chain([waiting]).for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn who_waits_hears_of_an_object() {
        explore(|| {
            let waits = Waits::new();
            let sealing = Box::new(waits.sealing());
            wait_for(waits, vec![sealing]);
        });
    }

    #[test]
    fn who_waits_hears_of_what_is_read() {
        explore(|| {
            let waits = Waits::new();
            let serving = Box::new(waits.serving());
            wait_for(waits, vec![serving]);
        });
    }

    #[test]
    fn who_waits_hears_of_what_comes_first() {
        explore(|| {
            let waits = Waits::new();
            let (sealing, serving) = (Box::new(waits.sealing()), Box::new(waits.serving()));
            wait_for(waits, vec![sealing, serving]);
        });
    }
}
