//! Results that come one after the other, between the task that gives them and whoever takes them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::bindings::rustyray::core::types::{ErrorKind, TaskError};
use crate::sim::state::object::{Object, ObjectStore, Value};
use crate::sim::sync::lock;

/// Items that lie ready before the task waits, as on a host.
const ITEMS_AHEAD: usize = 16;

/// Items that may be asked for before they are there, as on a host.
const ITEMS_WANTED_MAX: usize = 1024;

/// The items of one task.
#[derive(Default)]
pub(crate) struct Stream(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Items that nobody has asked for yet.
    ready: VecDeque<Arc<Object>>,
    /// Promises of items that were asked for.
    wanted: VecDeque<Arc<Object>>,
    /// Items that were given, the first time.
    given: u64,
    /// The attempt that gives, and how many it has given.
    attempt: u32,
    given_now: u64,
    /// What the task waits for that is ahead.
    room: Option<Arc<Object>>,
    /// Nobody will ask for more.
    left: bool,
    /// The task is done, with this error if it failed.
    over: Option<Option<Arc<TaskError>>>,
}

/// What a task that gave an item does next.
pub(crate) enum Given {
    GoOn,
    /// Waits until this is there.
    Room(Arc<Object>),
    NobodyListens,
}

impl Stream {
    /// The next item; a promise if it is not there.
    pub(crate) fn next(&self, store: &impl ObjectStore, task: u64) -> Arc<Object> {
        let mut inner = lock(&self.0);
        if let Some(item) = inner.ready.pop_front() {
            let few = inner.ready.len() <= ITEMS_AHEAD / 2;
            let room = inner.room.take_if(|_| few);
            drop(inner);
            say_ready(store, room);
            return item;
        }
        if let Some(error) = &inner.over {
            return store.sealed(Err(error.clone().unwrap_or_else(ended)));
        }
        if inner.wanted.len() >= ITEMS_WANTED_MAX {
            return store.sealed(Err(too_many()));
        }
        let promise = store.promise();
        promise.made_by(task);
        inner.wanted.push_back(promise.clone());
        promise
    }

    /// The next item of the task's `attempt`. What an earlier one gave already is left out.
    pub(crate) fn give(&self, store: &impl ObjectStore, attempt: u32, item: Value) -> Given {
        let mut inner = lock(&self.0);
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
            store.seal(&promise, Ok(item));
            return Given::GoOn;
        }
        if inner.left {
            return Given::NobodyListens;
        }
        inner.ready.push_back(store.sealed(Ok(item)));
        if inner.ready.len() < ITEMS_AHEAD {
            return Given::GoOn;
        }
        Given::Room(inner.room.get_or_insert_with(|| store.promise()).clone())
    }

    /// The task is done.
    pub(crate) fn end(&self, store: &impl ObjectStore, error: Option<&Arc<TaskError>>) {
        let (wanted, room) = {
            let mut inner = lock(&self.0);
            inner.over.get_or_insert(error.cloned());
            (std::mem::take(&mut inner.wanted), inner.room.take())
        };
        for promise in wanted {
            store.seal(&promise, Err(error.cloned().unwrap_or_else(ended)));
        }
        say_ready(store, room);
    }

    /// Nobody will ask for more. True if the task may as well end.
    pub(crate) fn leave(&self, store: &impl ObjectStore) -> bool {
        let (lying, room, done) = {
            let mut inner = lock(&self.0);
            inner.left = true;
            (std::mem::take(&mut inner.ready), inner.room.take(), inner.wanted.is_empty() && inner.over.is_none())
        };
        drop(lying);
        say_ready(store, room);
        done
    }
}

fn say_ready(store: &impl ObjectStore, room: Option<Arc<Object>>) {
    if let Some(room) = room {
        store.seal(&room, Ok(Value::bytes(&[])));
    }
}

fn ended() -> Arc<TaskError> {
    Arc::new(crate::sim::error::new(ErrorKind::StreamEnded, "the stream has no further item".to_owned()))
}

fn too_many() -> Arc<TaskError> {
    let text = format!("{ITEMS_WANTED_MAX} items were asked for ahead: await some of them first");
    Arc::new(crate::sim::error::new(ErrorKind::LimitExceeded, text))
}
