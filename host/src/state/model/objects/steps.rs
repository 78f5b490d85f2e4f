//! What happens to objects, and to their files.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::super::object::{Outcome, WatchKey};
use super::{Known, LIMIT, NUMBER_BYTES, Object, State, Told, Watch, World, content};
use crate::state::object::cycles::{Collection, Why};
use crate::state::object::payload::{Encoding, Payload, Reference, Value};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::OBJECT_OVERHEAD_BYTES;

impl World {
    /// A value, or why there is none, and what the model makes of it. It may refer to the object that is to have it.
    pub(super) fn outcome(&mut self) -> (Outcome, State) {
        if self.rng.u8(..8) == 0 {
            let error = TaskError::new(ErrorKind::TaskFailed, "x".repeat(self.rng.usize(..300)));
            return (Err(Arc::new(error)), State::Failed { kind: ErrorKind::TaskFailed, charge: 0 });
        }
        let number = self.values.len();
        let bytes = match self.rng.u8(..4) {
            0 => NUMBER_BYTES + self.rng.usize(..100),
            1 => self.rng.usize(NUMBER_BYTES..LIMIT as usize + 2_000),
            _ => self.rng.usize(NUMBER_BYTES..20_000),
        };
        let references: Vec<usize> = (0..self.rng.usize(..3)).filter_map(|_| self.any(|_| true)).collect();
        self.values.push(Known { bytes, references: Vec::new(), users: Vec::new() });
        let handles = references.iter().map(|name| Reference::Object(self.handle(*name))).collect();
        let payload = Payload { encoding: Encoding::Raw, data: content(number, bytes).into(), references: handles };
        let needs = payload.stored_bytes() + OBJECT_OVERHEAD_BYTES;
        let expected = self.reserve(needs);
        let stored = self.store.reserve_now(needs).map(|room| Value::new(payload, room));
        assert_eq!(stored.as_ref().map(|_| ()).map_err(|error| error.kind), expected);
        self.values[number].references = if expected.is_ok() { references } else { Vec::new() };
        let state = match expected {
            Ok(()) => State::Here(number),
            Err(kind) => State::Failed { kind, charge: 0 },
        };
        (stored, state)
    }

    pub(super) fn put(&mut self) {
        let (outcome, state) = self.outcome();
        let state = self.charged(&outcome, state, OBJECT_OVERHEAD_BYTES);
        let used = self.step_uses();
        self.objects.push(Object::new(self.store.sealed(outcome), state, used));
    }

    pub(super) fn promise(&mut self) {
        self.objects.push(Object::new(self.store.promise(), State::Pending, 0));
    }

    /// Seals it; one that was sealed stays as it was.
    pub(super) fn seal(&mut self) {
        let pending = self.rng.u8(..4) > 0;
        let Some(name) = self.any(|object| !pending || object.state == State::Pending) else {
            return;
        };
        let object = self.handle(name);
        let (outcome, state) = self.outcome();
        if self.objects[name].state == State::Pending {
            let (state, used) = (self.charged(&outcome, state, 0), self.step_uses());
            (self.objects[name].state, self.objects[name].used) = (state, used);
            self.tell(name);
        }
        object.seal(outcome, None);
    }

    /// Whoever waits is told.
    pub(super) fn tell(&mut self, name: usize) {
        for watch in self.objects[name].watches.iter_mut().filter(|watch| watch.waits) {
            (watch.expected, watch.waits) = (1, false);
        }
    }

    pub(super) fn watch(&mut self) {
        let Some(name) = self.any(|_| true) else {
            return;
        };
        let (object, told) = (self.handle(name), Arc::<Told>::default());
        let watched = object.watch(told.clone());
        match (watched, self.objects[name].state) {
            (Ok(key), State::Pending) => self.add_watch(name, told, key),
            (Err(failed), state) => {
                assert!(state != State::Pending && failed == matches!(state, State::Failed { .. }), "{state:?}");
            }
            (Ok(_), state) => panic!("nobody is to be told any more: {state:?}"),
        }
    }

    pub(super) fn add_watch(&mut self, name: usize, told: Arc<Told>, key: WatchKey) {
        self.objects[name].watches.push(Watch { told, key, expected: 0, waits: true });
    }

    /// Lets a watcher go, whether it was told or not, and perhaps after others have come in its place.
    pub(super) fn unwatch(&mut self) {
        if let Some(name) = self.any(|object| !object.watches.is_empty()) {
            let object = self.handle(name);
            let watches = &mut self.objects[name].watches;
            let watch = watches.swap_remove(self.rng.usize(..watches.len()));
            object.unwatch(&watch.key, &*watch.told);
            assert_eq!(watch.told.0.load(Ordering::Relaxed), watch.expected);
        }
    }

    /// One is read back, as the runtime does.
    pub(super) fn read_back(&mut self) {
        let Some(name) = self.any(|object| matches!(object.state, State::Away { .. })) else {
            return;
        };
        let State::Away { value, damaged, .. } = self.objects[name].state else {
            return;
        };
        let object = self.handle(name);
        let file = object.stored().expect("it is away");
        let expected = self.reserve(self.bytes(value));
        let room = self.store.reserve_now(file.byte_count());
        assert_eq!(room.as_ref().map(|_| ()).map_err(|error| error.kind), expected);
        let read = file.read();
        drop(file);
        assert!(room.is_err() || read.is_err() == damaged, "damage is seen: {read:?}");
        match (room, read) {
            (Err(_), _) => {}
            (Ok(room), Ok(data)) => {
                assert!(object.come_back(data, room).is_some_and(|outcome| outcome.is_ok()));
                let used = self.step_uses();
                (self.objects[name].state, self.objects[name].used) = (State::Here(value), used);
            }
            (Ok(room), Err(_)) => {
                drop(room);
                assert!(object.unseal().expect("it is away").is_err(), "nobody knows how it was made");
                self.objects[name].state = State::Pending;
            }
        }
    }

    pub(super) fn read(&mut self) {
        let Some(name) = self.any(|_| true) else {
            return;
        };
        let (outcome, used) = (self.handle(name).outcome(), self.step_uses());
        let keep = self.rng.u8(..4) == 0;
        match (outcome, &mut self.objects[name].state) {
            (None, State::Pending | State::Away { .. }) => {}
            (Some(Err(error)), State::Failed { kind, .. }) => assert_eq!(error.kind, *kind),
            (Some(Ok(value)), State::Here(number)) => {
                assert_eq!(value.payload().data, content(*number, self.values[*number].bytes));
                if keep {
                    self.values[*number].users.push(value);
                }
                self.objects[name].used = used;
            }
            (outcome, state) => panic!("{outcome:?} of {state:?}"),
        }
    }

    /// Somebody comes by an object that another one refers to.
    pub(super) fn follow(&mut self) {
        let Some(name) = self.any(|object| matches!(object.state, State::Here(_))) else {
            return;
        };
        let State::Here(value) = self.objects[name].state else {
            return;
        };
        let outcome = self.handle(name).outcome().expect("it is here").expect("it has a value");
        self.objects[name].used = self.step_uses();
        let referred = self.values[value].references.iter().zip(&outcome.payload().references);
        if let Some((to, Reference::Object(object))) = self.rng.choice(referred.collect::<Vec<_>>()) {
            self.objects[*to].handles.push(object.clone());
        }
    }

    /// Frees cycles, while others go on.
    pub(super) fn collect(&mut self) {
        let mut collection = self.store.collection(Why::Ended);
        while collection.as_mut().is_some_and(Collection::look) {
            match self.rng.u8(..12) {
                0 => self.follow(),
                1 => self.clone_or_drop(),
                2 => self.let_go(),
                _ => {}
            }
        }
        drop(collection);
        // What they have changed may have kept some.
        let mut collection = self.store.collection(Why::Ended);
        while collection.as_mut().is_some_and(Collection::step) {}
        let reached = self.reached();
        self.objects.iter_mut().zip(reached).for_each(|(object, reached)| object.gone |= !reached);
    }

    pub(super) fn let_go(&mut self) {
        let users: Vec<usize> = (0..self.values.len()).filter(|value| !self.values[*value].users.is_empty()).collect();
        if let Some(value) = self.rng.choice(users) {
            self.values[value].users.pop();
        }
    }

    pub(super) fn clone_or_drop(&mut self) {
        if let Some(name) = self.any(|_| true) {
            match self.rng.u8(..5) {
                0 | 1 => {
                    let another = self.handle(name);
                    self.objects[name].handles.push(another);
                }
                _ => drop(self.objects[name].handles.pop()),
            }
            if self.objects[name].handles.is_empty() {
                self.objects[name].watches.clear();
            }
        }
    }

    /// Somebody writes into a file, cuts it off, or removes it.
    pub(super) fn damage(&mut self) {
        let Some(path) = self.rng.choice(self.files()) else {
            return;
        };
        let mut bytes = std::fs::read(&path).unwrap();
        let Some(number) = bytes.first_chunk::<NUMBER_BYTES>().map(|number| usize::from_le_bytes(*number)) else {
            return;
        };
        let whole = bytes == content(number, bytes.len());
        let known = self.objects.iter_mut().find_map(|object| match &mut object.state {
            State::Away { value, damaged, .. } if *value == number && whole && !*damaged => Some(damaged),
            _ => None,
        });
        let Some(damaged) = known else {
            return;
        };
        *damaged = true;
        let last = bytes.len() - 1;
        match self.rng.u8(..3) {
            0 => bytes[last] ^= 1,
            1 => bytes.truncate(last),
            _ => bytes.push(0),
        }
        std::fs::write(&path, bytes).unwrap();
    }
}
