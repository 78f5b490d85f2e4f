//! The object store: a list of objects, in which what is alive, what it takes and what is coldest is worked out anew at every
//! step, over files on a real disk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use fastrand::Rng;

use super::super::object::{ObjectRef, Outcome, Wanted, WatchKey, Watcher};
use super::super::payload::{Encoding, Payload, Reference, Value};
use super::super::spill::SpillFolder;
use super::super::store::{ObjectStore, Relief};
use super::seeds;
use crate::words::error::{ErrorKind, TaskError};
use crate::words::limits::{OBJECT_OVERHEAD_BYTES, SPILL_BYTES_MIN, SPILL_TO_PERCENT};

const LIMIT: u64 = 100_000;
const DISK: u64 = 120_000;

/// The number in front of a value's bytes, by which its file is known.
const NUMBER_BYTES: usize = 8;

#[derive(Default)]
struct Told(AtomicU32);

impl Watcher for Told {
    fn sealed(self: Arc<Self>, _: bool) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Watch {
    told: Arc<Told>,
    key: WatchKey,
    /// Is it to be told, was it, or did it go?
    expected: u32,
    waits: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Pending,
    Failed {
        kind: ErrorKind,
        charge: u64,
    },
    /// A value of this number.
    Here(usize),
    Away {
        value: usize,
        coming: bool,
        refused: bool,
        damaged: bool,
    },
}

struct Object {
    handles: Vec<ObjectRef>,
    state: State,
    watches: Vec<Watch>,
    /// When its value was used last.
    used: u64,
}

#[derive(Default)]
struct Known {
    bytes: usize,
    references: Vec<usize>,
    /// Held by somebody who reads it.
    users: Vec<Arc<Value>>,
}

/// Spills as the runtime does, at once.
struct Spiller(Weak<ObjectStore>, Arc<SpillFolder>);

impl Relief for Spiller {
    fn pressed(&self) {}

    fn make_room(&self, bytes: u64) -> Result<(), TaskError> {
        let store = self.0.upgrade().expect("the store lives");
        let (excess, mut freed) = (store.excess(bytes), 0);
        for object in store.coldest() {
            if freed >= excess {
                break;
            }
            freed += object.put_away(&self.1)?;
        }
        Ok(())
    }
}

struct World {
    rng: Rng,
    root: tempfile::TempDir,
    folder: Arc<SpillFolder>,
    store: Arc<ObjectStore>,
    objects: Vec<Object>,
    values: Vec<Known>,
    uses: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = SpillFolder::make(root.path(), DISK).unwrap();
        let store = ObjectStore::new(LIMIT);
        store.relieve_by(Box::new(Spiller(Arc::downgrade(&store), folder.clone())));
        let rng = Rng::with_seed(seed);
        World { rng, root, folder, store, objects: Vec::new(), values: Vec::new(), uses: 0 }
    }

    fn value_of(state: State) -> Option<usize> {
        match state {
            State::Here(value) | State::Away { value, .. } => Some(value),
            State::Pending | State::Failed { .. } => None,
        }
    }

    /// Which objects and values are alive: those that are held, and what these refer to. What refers is younger.
    fn alive(&self) -> (Vec<bool>, Vec<bool>) {
        let mut objects: Vec<bool> = self.objects.iter().map(|object| !object.handles.is_empty()).collect();
        let mut values: Vec<bool> = self.values.iter().map(|value| !value.users.is_empty()).collect();
        loop {
            let before = (objects.clone(), values.clone());
            let held = |name: &usize| objects[*name];
            for value in
                (0..self.objects.len()).filter(held).filter_map(|name| Self::value_of(self.objects[name].state))
            {
                values[value] = true;
            }
            for value in (0..self.values.len()).filter(|value| values[*value]) {
                self.values[value].references.iter().for_each(|name| objects[*name] = true);
            }
            if before == (objects.clone(), values.clone()) {
                return before;
            }
        }
    }

    fn stored(&self, value: usize) -> u64 {
        let Known { bytes, references, .. } = &self.values[value];
        (bytes + references.len() * size_of::<Reference>()) as u64 + OBJECT_OVERHEAD_BYTES
    }

    fn bytes(&self, value: usize) -> u64 {
        self.values[value].bytes as u64
    }

    fn is_away(&self, value: usize) -> bool {
        self.objects.iter().any(|object| matches!(object.state, State::Away { value: away, .. } if away == value))
    }

    /// What the store and the disk hold.
    fn held(&self) -> (u64, u64) {
        let (objects, values) = self.alive();
        let (mut memory, mut disk) = (0, 0);
        for value in (0..self.values.len()).filter(|value| values[*value]) {
            memory += self.stored(value);
            if self.is_away(value) {
                memory -= self.bytes(value);
                disk += self.bytes(value);
            }
        }
        for name in (0..self.objects.len()).filter(|name| objects[*name]) {
            if let State::Failed { charge, .. } = self.objects[name].state {
                memory += charge;
            }
        }
        (memory, disk)
    }

    /// Room for so many bytes, for which others may have to go to disk, the coldest first.
    fn reserve(&mut self, bytes: u64) -> Result<(), ErrorKind> {
        if self.held().0 + bytes <= LIMIT {
            return Ok(());
        }
        if bytes > LIMIT {
            return Err(ErrorKind::ObjectStoreFull);
        }
        let excess = (self.held().0 + bytes).saturating_sub(LIMIT / 100 * SPILL_TO_PERCENT);
        let (alive, _) = self.alive();
        let mut cold: Vec<usize> = (0..self.objects.len()).filter(|name| alive[*name]).collect();
        cold.sort_by_key(|name| self.objects[*name].used);
        let (mut freed, mut failure) = (0, ErrorKind::ObjectStoreFull);
        for name in cold {
            let State::Here(value) = self.objects[name].state else {
                continue;
            };
            if freed >= excess {
                break;
            }
            if self.bytes(value) < SPILL_BYTES_MIN || !self.values[value].users.is_empty() {
                continue;
            }
            if self.held().1 + self.bytes(value) > DISK {
                failure = ErrorKind::OutOfDisk;
                break;
            }
            self.objects[name].state = State::Away { value, coming: false, refused: false, damaged: false };
            freed += self.bytes(value);
        }
        if self.held().0 + bytes <= LIMIT { Ok(()) } else { Err(failure) }
    }

    fn any(&mut self, of: impl Fn(&Object) -> bool) -> Option<usize> {
        let held: Vec<usize> = (0..self.objects.len()).filter(|name| !self.objects[*name].handles.is_empty()).collect();
        self.rng.choice(held.into_iter().filter(|name| of(&self.objects[*name])).collect::<Vec<_>>())
    }

    fn handle(&self, name: usize) -> ObjectRef {
        self.objects[name].handles[0].clone()
    }

    /// A value, or why there is none, and what the model makes of it. It refers to older objects than the one that is to have
    /// it: counted references in a circle are never freed.
    fn outcome(&mut self, name: usize) -> (Outcome, State) {
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
        let references: Vec<usize> =
            (0..self.rng.usize(..3)).filter_map(|_| self.any(|_| true)).filter(|older| *older < name).collect();
        self.values.push(Known { bytes, references: Vec::new(), users: Vec::new() });
        let handles = references.iter().map(|name| Reference::Object(self.handle(*name))).collect();
        let payload = Payload { encoding: Encoding::Raw, data: content(number, bytes).into(), references: handles };
        let needs = payload.stored_bytes() + OBJECT_OVERHEAD_BYTES;
        let expected = self.reserve(needs);
        let stored = self.store.store(payload);
        assert_eq!(stored.as_ref().map(|_| ()).map_err(|error| error.kind), expected);
        self.values[number].references = if expected.is_ok() { references } else { Vec::new() };
        let state = match expected {
            Ok(()) => State::Here(number),
            Err(kind) => State::Failed { kind, charge: 0 },
        };
        (stored, state)
    }

    /// An error takes room, where there is some.
    fn charged(&self, outcome: &Outcome, state: State) -> State {
        match (outcome, state) {
            (Err(error), State::Failed { kind, .. }) => {
                let bytes = error.text_bytes() + OBJECT_OVERHEAD_BYTES;
                let charge = if self.held().0 + bytes <= LIMIT { bytes } else { 0 };
                State::Failed { kind, charge }
            }
            (_, state) => state,
        }
    }

    fn put(&mut self) {
        let (outcome, state) = self.outcome(self.objects.len());
        let state = self.charged(&outcome, state);
        let used = self.step_uses();
        self.objects.push(Object { handles: vec![self.store.sealed(outcome)], state, watches: Vec::new(), used });
    }

    fn promise(&mut self) {
        let handles = vec![self.store.promise()];
        self.objects.push(Object { handles, state: State::Pending, watches: Vec::new(), used: 0 });
    }

    /// Seals it; one that was sealed stays as it was.
    fn seal(&mut self) {
        let pending = self.rng.u8(..4) > 0;
        let Some(name) = self.any(|object| !pending || object.state == State::Pending) else {
            return;
        };
        let object = self.handle(name);
        let (outcome, state) = self.outcome(name);
        if self.objects[name].state == State::Pending {
            let (state, used) = (self.charged(&outcome, state), self.step_uses());
            (self.objects[name].state, self.objects[name].used) = (state, used);
            self.tell(name);
        }
        object.seal(outcome, None);
    }

    /// Whoever waits is told.
    fn tell(&mut self, name: usize) {
        for watch in self.objects[name].watches.iter_mut().filter(|watch| watch.waits) {
            (watch.expected, watch.waits) = (1, false);
        }
    }

    fn watch(&mut self) {
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

    fn add_watch(&mut self, name: usize, told: Arc<Told>, key: WatchKey) {
        self.objects[name].watches.push(Watch { told, key, expected: 0, waits: true });
    }

    fn want(&mut self) {
        let Some(name) = self.any(|object| matches!(object.state, State::Away { .. })).or_else(|| self.any(|_| true))
        else {
            return;
        };
        let (object, told) = (self.handle(name), Arc::<Told>::default());
        let wanted = object.want(told.clone());
        match (wanted, &mut self.objects[name].state) {
            (Wanted::Here, State::Here(_) | State::Failed { .. }) => {}
            (Wanted::Soon(key), State::Pending | State::Away { coming: true, .. }) => self.add_watch(name, told, key),
            (Wanted::ToRead(key), State::Away { coming, .. }) if !*coming => {
                *coming = true;
                self.add_watch(name, told, key);
            }
            (wanted, state) => panic!("{wanted:?} of {state:?}"),
        }
    }

    /// Lets a watcher go, whether it was told or not, and perhaps after others have come in its place.
    fn unwatch(&mut self) {
        if let Some(name) = self.any(|object| !object.watches.is_empty()) {
            let object = self.handle(name);
            let watches = &mut self.objects[name].watches;
            let watch = watches.swap_remove(self.rng.usize(..watches.len()));
            object.unwatch(&watch.key, &watch.told);
            assert_eq!(watch.told.0.load(Ordering::Relaxed), watch.expected);
        }
    }

    /// One that somebody wants is read back, as the runtime does.
    fn read_back(&mut self) {
        let Some(name) = self.any(|object| matches!(object.state, State::Away { coming: true, .. })) else {
            return;
        };
        let State::Away { value, damaged, refused: before, .. } = self.objects[name].state else {
            return;
        };
        let object = self.handle(name);
        let file = object.file().expect("it is away");
        let expected = self.reserve(self.bytes(value));
        let room = self.store.reserve(file.len());
        assert_eq!(room.as_ref().map(|_| ()).map_err(|error| error.kind), expected);
        let read = file.read();
        drop(file);
        assert!(room.is_err() || read.is_err() == damaged, "damage is seen: {read:?}");
        match (room, read) {
            (Err(full), _) => {
                object.stay_away(full);
                self.objects[name].state = State::Away { value, coming: false, refused: true, damaged };
            }
            (Ok(room), Ok(data)) => {
                object.come_back(data, room);
                let used = self.step_uses();
                (self.objects[name].state, self.objects[name].used) = (State::Here(value), used);
            }
            (Ok(room), Err(_)) => {
                drop((room, before));
                assert!(object.unseal().expect("it is away").is_err(), "nobody knows how it was made");
                self.objects[name].state = State::Pending;
            }
        }
        self.tell(name);
    }

    fn read(&mut self) {
        let Some(name) = self.any(|_| true) else {
            return;
        };
        let (outcome, used) = (self.handle(name).outcome(), self.step_uses());
        let keep = self.rng.u8(..4) == 0;
        match (outcome, &mut self.objects[name].state) {
            (None, State::Pending | State::Away { refused: false, .. }) => {}
            (Some(Err(_)), State::Away { refused, .. }) => *refused = false,
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

    fn let_go(&mut self) {
        let users: Vec<usize> = (0..self.values.len()).filter(|value| !self.values[*value].users.is_empty()).collect();
        if let Some(value) = self.rng.choice(users) {
            self.values[value].users.pop();
        }
    }

    fn clone_or_drop(&mut self) {
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

    fn files(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(self.root.path()).unwrap().map(|entry| entry.unwrap().path());
        let within = folders.filter(|path| path.is_dir()).flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let paths = within.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "object")).collect()
    }

    /// Somebody writes into a file, cuts it off, or removes it.
    fn damage(&mut self) {
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

    fn step_uses(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn step(&mut self) {
        match self.rng.u8(..100) {
            0..14 => self.put(),
            14..24 => self.promise(),
            24..36 => self.seal(),
            36..44 => self.watch(),
            44..54 => self.want(),
            54..60 => self.unwatch(),
            60..70 => self.read_back(),
            70..80 => self.read(),
            80..84 => self.let_go(),
            84..98 => self.clone_or_drop(),
            _ => self.damage(),
        }
        self.check();
    }

    fn check(&self) {
        let (memory, disk) = self.held();
        let (alive, _) = self.alive();
        let live = alive.iter().filter(|alive| **alive).count() as u64;
        assert_eq!((self.store.used_bytes(), self.folder.used_bytes()), (memory, disk), "bytes in memory and on disk");
        assert_eq!(self.store.live_objects(), live);
        assert!(memory <= LIMIT && disk <= DISK);
        for object in &self.objects {
            if let Some(handle) = object.handles.first() {
                assert_eq!(handle.is_ready(), object.state != State::Pending);
                assert_eq!(handle.error().is_some(), matches!(object.state, State::Failed { .. }));
                assert_eq!(handle.file().is_some(), matches!(object.state, State::Away { .. }));
            }
            for watch in &object.watches {
                assert_eq!(watch.told.0.load(Ordering::Relaxed), watch.expected, "each watcher is told once");
            }
        }
    }

    /// Nothing is held by anybody any more.
    fn expect_nothing_left(mut self) {
        self.values.iter_mut().for_each(|value| value.users.clear());
        self.objects.iter_mut().for_each(|object| object.handles.clear());
        assert_eq!((self.store.used_bytes(), self.store.live_objects(), self.folder.used_bytes()), (0, 0, 0));
        assert!(self.files().is_empty());
    }
}

/// The bytes of a value: its number, and a pattern of its own.
fn content(number: usize, bytes: usize) -> Vec<u8> {
    let mut content = vec![number as u8; bytes];
    content[..NUMBER_BYTES].copy_from_slice(&number.to_le_bytes());
    content
}

#[test]
fn the_object_store_does_as_a_list_of_objects_would() {
    seeds::each(25, |seed| {
        let mut world = World::new(seed);
        for _ in 0..800 {
            world.step();
        }
        world.expect_nothing_left();
    });
}
