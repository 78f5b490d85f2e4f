//! The places for pending tasks: who may submit, and who waits until somebody else's task starts or ends.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::types::error::{ErrorKind, TaskError};
use crate::types::panics::wake;
use crate::types::sync::{Mutex, rank};

/// The places of a host.
pub struct Room {
    inner: Mutex<Inner, { rank::ROOM }>,
    max: usize,
}

struct Inner {
    /// Places that are taken, those included that were handed over and not used yet.
    pending: usize,
    intake: Intake,
    /// The key of the next one who waits.
    next: u64,
    /// Those who wait, the first one first. There are none while a place is free, so that nobody is passed.
    waiting: BTreeMap<u64, Waker>,
    /// Those who were handed a place, and have not come for it.
    served: HashSet<u64>,
}

/// Who may submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intake {
    Open,
    /// Running tasks only.
    Draining,
    Closed,
}

impl Intake {
    fn check(self, from_outside: bool) -> Result<(), TaskError> {
        if self == Intake::Closed || (self == Intake::Draining && from_outside) {
            return Err(TaskError::new(ErrorKind::HostShutDown, "the host takes no new tasks: it is shutting down"));
        }
        Ok(())
    }
}

impl Room {
    /// Room for so many pending tasks.
    pub fn new(max: usize) -> Arc<Self> {
        let inner =
            Inner { pending: 0, intake: Intake::Open, next: 0, waiting: BTreeMap::new(), served: HashSet::new() };
        Arc::new(Room { inner: Mutex::new(inner), max })
    }

    /// Takes a place, or the one that was waited for, which is the caller's to drop where it is refused: the next one who waits is
    /// woken by that. While the host drains only running tasks may submit.
    ///
    /// # Errors
    /// `HostShutDown` or `QueueFull`.
    pub fn take(&self, from_outside: bool, place: &mut Option<Place>) -> Result<(), TaskError> {
        let mut inner = self.inner.lock();
        inner.intake.check(from_outside)?;
        if let Some(place) = place.take() {
            place.used();
            return Ok(());
        }
        if inner.pending >= self.max {
            let text = format!("{} tasks are pending already: await some of them first", inner.pending);
            return Err(TaskError::new(ErrorKind::QueueFull, text));
        }
        inner.pending += 1;
        Ok(())
    }

    /// Is anybody like this let in?
    ///
    /// # Errors
    /// `HostShutDown`.
    pub fn is_open_to(&self, from_outside: bool) -> Result<(), TaskError> {
        self.inner.lock().intake.check(from_outside)
    }

    /// A task that ran is pending again, whether there is room or not.
    pub fn come_back(&self) {
        self.inner.lock().pending += 1;
    }

    /// A task is pending no more. Gives whom to wake, who has its place now, where no lock is held.
    #[must_use = "it waits for the place that it was given"]
    pub fn leave(&self) -> Option<Waker> {
        self.inner.lock().leave(self.max)
    }

    /// How many are taken.
    pub fn pending(&self) -> usize {
        self.inner.lock().pending
    }

    /// Lets nobody in from outside any more.
    pub fn drain(&self) {
        self.narrow(Intake::Draining);
    }

    /// Lets nobody in at all any more.
    pub fn close(&self) {
        self.narrow(Intake::Closed);
    }

    fn narrow(&self, intake: Intake) {
        let waiting = {
            let mut inner = self.inner.lock();
            if inner.intake != Intake::Closed {
                inner.intake = intake;
            }
            std::mem::take(&mut inner.waiting)
        };
        waiting.into_values().for_each(wake);
    }

    /// Waits for a place, behind those who wait already. Dropping what this gives lets the next one have it.
    pub fn wait(self: &Arc<Self>) -> Waiting {
        Waiting { room: self.clone(), key: None }
    }
}

impl Inner {
    fn leave(&mut self, max: usize) -> Option<Waker> {
        self.pending -= 1;
        // More are pending than may be where tasks that ran came back.
        let (key, waker) = if self.pending < max { self.waiting.pop_first()? } else { return None };
        // The place changes hands at once, so that nobody takes it who came later.
        self.pending += 1;
        self.served.insert(key);
        Some(waker)
    }
}

/// A place that somebody waited for, and that is free again if it is not used.
pub struct Place(Option<Arc<Room>>);

impl Place {
    fn used(mut self) {
        self.0 = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(next) = self.0.take().and_then(|room| room.leave()) {
            wake(next);
        }
    }
}

/// Ends with a place; with none where nobody is let in any more, so that who waits hears of it.
pub struct Waiting {
    room: Arc<Room>,
    /// Where it stands, once it had to wait.
    key: Option<u64>,
}

impl Future for Waiting {
    type Output = Option<Place>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let room = self.room.clone();
        let mut inner = room.inner.lock();
        if let Some(key) = self.key
            && inner.served.remove(&key)
        {
            self.key = None;
            return Poll::Ready(Some(Place(Some(self.room.clone()))));
        }
        if inner.intake != Intake::Open {
            return Poll::Ready(None);
        }
        if inner.pending < room.max {
            inner.pending += 1;
            return Poll::Ready(Some(Place(Some(self.room.clone()))));
        }
        let key = *self.key.get_or_insert_with(|| {
            inner.next += 1;
            inner.next
        });
        let before = inner.waiting.insert(key, cx.waker().clone());
        drop(inner);
        // Outside the lock: it may be the last of what it wakes.
        drop(before);
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let (before, next) = {
            let mut inner = self.room.inner.lock();
            let before = inner.waiting.remove(&key);
            // It was handed a place that it never came for.
            let next = if inner.served.remove(&key) { inner.leave(self.room.max) } else { None };
            (before, next)
        };
        drop(before);
        next.into_iter().for_each(wake);
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use futures::FutureExt;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(waiting: &mut Waiting, woken: &Arc<Woken>) -> Poll<Option<Place>> {
        waiting.poll_unpin(&mut Context::from_waker(&Waker::from(woken.clone())))
    }

    fn leave(room: &Room) {
        room.leave().into_iter().for_each(Waker::wake);
    }

    #[test]
    fn a_place_goes_to_who_has_waited_longest_and_wakes_nobody_else() {
        let (room, woken) = (Room::new(1), [(); 3].map(|()| Arc::<Woken>::default()));
        room.take(true, &mut None).unwrap();
        let mut waiting = [(); 3].map(|()| room.wait());
        waiting.iter_mut().zip(&woken).for_each(|(waiting, woken)| assert!(poll(waiting, woken).is_pending()));
        leave(&room);
        assert_eq!(woken.each_ref().map(|woken| woken.0.load(Ordering::Relaxed)), [1, 0, 0]);
        assert_eq!(room.take(true, &mut None).unwrap_err().kind, ErrorKind::QueueFull, "nobody passes who waits");
        let Poll::Ready(Some(place)) = poll(&mut waiting[0], &woken[0]) else { panic!("it has a place") };
        room.take(true, &mut Some(place)).unwrap();
        leave(&room);
        // The second one goes without coming for its place: the third has it.
        let [_, second, mut third] = waiting;
        drop(second);
        assert_eq!(woken.each_ref().map(|woken| woken.0.load(Ordering::Relaxed)), [1, 1, 1]);
        assert!(poll(&mut third, &woken[2]).is_ready());
        assert_eq!(room.pending(), 0, "a place that was not used is free");
    }

    #[test]
    fn who_waits_hears_that_nobody_is_let_in() {
        let (room, woken) = (Room::new(1), Arc::<Woken>::default());
        room.take(true, &mut None).unwrap();
        let mut waiting = room.wait();
        assert!(poll(&mut waiting, &woken).is_pending());
        room.drain();
        assert!(matches!(poll(&mut waiting, &woken), Poll::Ready(None)));
        assert_eq!(
            (woken.0.load(Ordering::Relaxed), room.take(true, &mut None).unwrap_err().kind),
            (1, ErrorKind::HostShutDown)
        );
        leave(&room);
        room.take(false, &mut None).unwrap();
        room.close();
        assert_eq!(room.take(false, &mut None).unwrap_err().kind, ErrorKind::HostShutDown);
    }
}
