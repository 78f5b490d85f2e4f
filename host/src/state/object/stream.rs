//! Results that come one after the other: items that a task gives while it runs, for one who takes them as they come.
//!
//! Each item is an object. One that is asked for before it is there is a promise, so that whatever waits for objects waits
//! for items, too. The task is held back while many items lie there that nobody has asked for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};

use super::payload::{Encoding, Payload};
use super::store::{ObjectStore, Reservation};
use super::{ObjectRef, Outcome};
use crate::state::task::{TaskRecord, TaskSink};
use crate::types::account::Account;
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::limits::{STREAM_ITEMS_AHEAD, STREAM_ITEMS_WANTED_MAX};
use crate::types::sync::{Mutex, rank};

/// The items between a task and whoever takes them.
pub struct Stream {
    store: Arc<ObjectStore>,
    account: Arc<Account>,
    /// The task that takes them; none where it is the embedder, and room comes from outside.
    taker: Option<Weak<TaskRecord>>,
    inner: Mutex<Inner, { rank::STREAM }>,
}

#[derive(Default)]
struct Inner {
    /// Items that nobody has asked for yet.
    ready: VecDeque<ObjectRef>,
    /// Promises of items that were asked for.
    wanted: VecDeque<ObjectRef>,
    /// Items that were given, the first time.
    given: u64,
    /// The attempt that gives, and how many it has given.
    attempt: u32,
    given_now: u64,
    /// What the task waits for that is ahead.
    room: Option<ObjectRef>,
    /// Nobody will ask for more.
    left: bool,
    over: bool,
    /// Why the task gave no more, if it failed.
    failure: Option<Arc<TaskError>>,
}

/// What a task that gave an item does next.
#[derive(Debug)]
pub enum Given {
    /// Give the next one.
    GoOn,
    /// Wait until this is ready, whatever it is, before the next one.
    Room(ObjectRef),
    /// End: nobody will ask for more.
    NobodyListens,
}

impl Stream {
    /// A stream without an item, whose items this task takes, or the embedder; what is asked for ahead is on the account.
    pub fn new(store: &Arc<ObjectStore>, taker: Option<&Arc<TaskRecord>>, account: &Arc<Account>) -> Arc<Self> {
        let (store, account) = (store.clone(), account.clone());
        Arc::new(Stream { store, account, taker: taker.map(Arc::downgrade), inner: Mutex::default() })
    }

    /// The next item, if it is there. Those after the last are the task's error, or `StreamEnded`; one that is too far ahead is
    /// `LimitExceeded`, and no item.
    pub fn take(&self, task: &ObjectRef) -> Option<ObjectRef> {
        self.next_or_promise(task, None).ok()
    }

    /// The same, or a promise of it in this room.
    pub fn next_in(&self, task: &ObjectRef, room: TaskResult<Reservation>) -> ObjectRef {
        let (promise, refused) = match room {
            Ok(room) => (Some(self.store.promise_charged(room.on(&self.account))), None),
            Err(why) => (None, Some(why)),
        };
        // It may have come while there was no room for a promise of it.
        self.next_or_promise(task, promise)
            .unwrap_or_else(|()| self.store.sealed_error(refused.unwrap_or_else(ended), Some(&self.account)))
    }

    /// The next item; `Err` where it is not there, and no promise of it either.
    fn next_or_promise(&self, task: &ObjectRef, promise: Option<ObjectRef>) -> Result<ObjectRef, ()> {
        let mut inner = self.inner.lock();
        if let Some(item) = inner.ready.pop_front() {
            let few = inner.ready.len() <= STREAM_ITEMS_AHEAD / 2;
            let room = inner.room.take_if(|_| few);
            drop(inner);
            self.say_ready(room);
            return Ok(item);
        }
        if inner.over {
            let end = inner.failure.clone().unwrap_or_else(ended);
            drop(inner);
            return Ok(self.store.sealed_error(end, Some(&self.account)));
        }
        if inner.wanted.len() >= STREAM_ITEMS_WANTED_MAX {
            drop(inner);
            return Ok(self.store.sealed_error(too_many(), Some(&self.account)));
        }
        let promise = promise.ok_or(())?;
        let producer = task.producer();
        producer.iter().for_each(|task| promise.set_producer(task));
        inner.wanted.push_back(promise.clone());
        drop(inner);
        // Outside the lock: the task may hold what asks for this stream.
        drop(producer);
        Ok(promise)
    }

    /// The next item of the task's `attempt`. What an earlier one gave already is left out.
    pub fn give(&self, attempt: u32, item: Outcome) -> Given {
        let mut inner = self.inner.lock();
        if inner.attempt != attempt {
            (inner.attempt, inner.given_now) = (attempt, 0);
        }
        inner.given_now += 1;
        if inner.given_now <= inner.given {
            return Given::GoOn;
        }
        inner.given += 1;
        if let Some(promise) = inner.wanted.pop_front() {
            drop(inner);
            promise.seal(item, None);
            return Given::GoOn;
        }
        if inner.left {
            return Given::NobodyListens;
        }
        inner.ready.push_back(self.store.sealed(item));
        if inner.ready.len() < STREAM_ITEMS_AHEAD {
            return Given::GoOn;
        }
        let promise = || self.store.promise_of_room(self.taker.clone());
        Given::Room(inner.room.get_or_insert_with(promise).clone())
    }

    /// The task is done. Its error is what those get who have asked for an item, and who ask from now on: whoever is first.
    pub fn end(&self, error: Option<Arc<TaskError>>) {
        let (wanted, room) = {
            let mut inner = self.inner.lock();
            if std::mem::replace(&mut inner.over, true) {
                return;
            }
            inner.failure.clone_from(&error);
            (std::mem::take(&mut inner.wanted), inner.room.take())
        };
        for promise in wanted {
            promise.seal(Err(error.clone().unwrap_or_else(ended)), None);
        }
        self.say_ready(room);
    }

    /// Nobody will ask for more. True if the task may as well end: nothing is left that was asked for.
    fn leave(&self) -> bool {
        let (lying, room, done) = {
            let mut inner = self.inner.lock();
            inner.left = true;
            (std::mem::take(&mut inner.ready), inner.room.take(), inner.wanted.is_empty() && !inner.over)
        };
        // Outside the lock: an item may hold what asks for this stream.
        drop(lying);
        self.say_ready(room);
        done
    }

    /// Whatever it says, it is ready.
    fn say_ready(&self, room: Option<ObjectRef>) {
        if let Some(room) = room {
            room.seal(Ok(self.store.token(Payload::new(Encoding::Raw, ""))), None);
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

fn ended() -> Arc<TaskError> {
    Arc::new(TaskError::new(ErrorKind::StreamEnded, "the stream has no further item"))
}

fn too_many() -> Arc<TaskError> {
    let text = format!("{STREAM_ITEMS_WANTED_MAX} items were asked for ahead: await some of them first");
    Arc::new(TaskError::new(ErrorKind::LimitExceeded, text))
}

/// Is this the item after the last one?
pub fn is_end(item: &ObjectRef) -> bool {
    item.error().is_some_and(|error| error.kind == ErrorKind::StreamEnded)
}

/// The end of a stream from which items are taken. Dropping it ends the task, once it has given what was asked for.
pub struct StreamRef {
    stream: Arc<Stream>,
    /// The result of the task itself.
    task: ObjectRef,
    sink: Weak<dyn TaskSink>,
}

impl StreamRef {
    /// The items of the task that makes this object.
    pub fn new(stream: Arc<Stream>, task: ObjectRef, sink: Weak<dyn TaskSink>) -> Self {
        // One that was refused never ran, and nobody else ends its stream.
        if let Some(error) = task.error() {
            stream.end(Some(error));
        }
        StreamRef { stream, task, sink }
    }

    /// One whose first item is the error of this object.
    pub fn failed(task: ObjectRef, store: &Arc<ObjectStore>) -> Self {
        StreamRef::new(Stream::new(store, None, &Arc::default()), task, Weak::<Nobody>::new())
    }

    /// The next item, if it is there. Those after the last are the task's error, or `StreamEnded`.
    pub fn take(&self) -> Option<ObjectRef> {
        self.stream.take(&self.task)
    }

    /// What gives the next item, or a promise of it where there is room for that.
    pub fn next_in(&self) -> impl FnOnce(TaskResult<Reservation>) -> ObjectRef + Send + use<> {
        let (stream, task) = (self.stream.clone(), self.task.clone());
        move |room| stream.next_in(&task, room)
    }
}

/// Who conducts a task that never was.
struct Nobody;

impl TaskSink for Nobody {
    fn ready(&self, _: Arc<TaskRecord>) {}

    fn abandon(&self, _: &ObjectRef) {}

    fn killed(&self, _: &Arc<TaskRecord>) {}
}

impl Drop for StreamRef {
    fn drop(&mut self) {
        if self.stream.leave()
            && let Some(sink) = self.sink.upgrade()
        {
            sink.abandon(&self.task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::limits::OBJECT_OVERHEAD_BYTES;

    fn item(store: &Arc<ObjectStore>, text: &'static str) -> Outcome {
        store.store(Payload::new(Encoding::Raw, text))
    }

    fn text(object: &ObjectRef) -> Vec<u8> {
        object.outcome().expect("it is there").expect("it is a value").payload().data.to_vec()
    }

    fn next(stream: &Stream, task: &ObjectRef) -> ObjectRef {
        let promised = || stream.next_in(task, stream.store.reserve_at_once(OBJECT_OVERHEAD_BYTES));
        stream.take(task).unwrap_or_else(promised)
    }

    #[test]
    fn items_come_in_order_whoever_is_first() {
        let store = ObjectStore::new(1 << 20);
        let (stream, task) = (Stream::new(&store, None, &Arc::default()), store.promise());
        let (first, second) = (next(&stream, &task), next(&stream, &task));
        for given in ["a", "b", "c"] {
            assert!(matches!(stream.give(1, item(&store, given)), Given::GoOn));
        }
        let third = next(&stream, &task);
        assert_eq!([&first, &second, &third].map(text), [b"a", b"b", b"c"]);
        let fourth = next(&stream, &task);
        stream.end(None);
        assert!(is_end(&fourth) && is_end(&next(&stream, &task)) && !is_end(&third));
    }

    #[test]
    fn who_is_far_ahead_waits_until_half_is_taken() {
        let store = ObjectStore::new(1 << 20);
        let (stream, task) = (Stream::new(&store, None, &Arc::default()), store.promise());
        let room = (0..STREAM_ITEMS_AHEAD).find_map(|_| match stream.give(1, item(&store, "x")) {
            Given::Room(room) => Some(room),
            _ => None,
        });
        let room = room.expect("the last one has to wait");
        let mut taken = 0;
        while !room.is_ready() {
            next(&stream, &task);
            taken += 1;
        }
        assert_eq!(taken, STREAM_ITEMS_AHEAD / 2);
    }

    #[test]
    fn another_attempt_gives_only_what_is_new() {
        let store = ObjectStore::new(1 << 20);
        let (stream, task) = (Stream::new(&store, None, &Arc::default()), store.promise());
        stream.give(1, item(&store, "a"));
        for given in ["a again", "b"] {
            stream.give(2, item(&store, given));
        }
        stream.end(None);
        assert_eq!([next(&stream, &task), next(&stream, &task)].map(|item| text(&item)), [b"a", b"b"]);
        assert!(is_end(&next(&stream, &task)));
    }

    #[test]
    fn the_tasks_error_is_for_all_who_ask_before_it_or_after() {
        let store = ObjectStore::new(1 << 20);
        let failed = || Some(Arc::new(TaskError::new(ErrorKind::TaskFailed, "broken")));
        let (stream, task) = (Stream::new(&store, None, &Arc::default()), store.promise());
        let asked = [next(&stream, &task), next(&stream, &task)];
        stream.end(failed());
        let later = [next(&stream, &task), next(&stream, &task)];
        let has_failed = |item: &ObjectRef| item.error().is_some_and(|error| error.kind == ErrorKind::TaskFailed);
        assert!(asked.iter().chain(&later).all(has_failed));
    }

    struct Abandoned(parking_lot::Mutex<u32>);

    impl TaskSink for Abandoned {
        fn ready(&self, _: Arc<TaskRecord>) {}

        fn killed(&self, _: &Arc<TaskRecord>) {}

        fn abandon(&self, _: &ObjectRef) {
            *self.0.lock() += 1;
        }
    }

    #[test]
    fn what_was_asked_for_is_given_after_nobody_can_ask_for_more() {
        let store = ObjectStore::new(1 << 20);
        let sink = Arc::new(Abandoned(parking_lot::Mutex::new(0)));
        let weak: Weak<Abandoned> = Arc::downgrade(&sink);
        let stream = Stream::new(&store, None, &Arc::default());
        let held = StreamRef::new(stream.clone(), store.promise(), weak.clone());
        let asked = held.next_in()(held.stream.store.reserve_at_once(OBJECT_OVERHEAD_BYTES));
        drop(held);
        assert_eq!(*sink.0.lock(), 0, "somebody waits for an item");
        assert!(matches!(stream.give(1, item(&store, "a")), Given::GoOn));
        assert_eq!(text(&asked), b"a");
        assert!(matches!(stream.give(1, item(&store, "b")), Given::NobodyListens));

        let stream = Stream::new(&store, None, &Arc::default());
        let held = StreamRef::new(stream.clone(), store.promise(), weak);
        stream.give(1, item(&store, "a"));
        drop((held, asked));
        assert_eq!((*sink.0.lock(), store.live_objects(), store.used_bytes()), (1, 0, 0));
    }
}
