//! The object store: a list of objects, in which what is alive, what it takes and what is coldest is worked out anew at every
//! step, over files on a real disk.

mod expect;
mod steps;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use fastrand::Rng;

use super::super::object::{ObjectRef, WatchKey, Watcher};
use crate::state::object::payload::Value;
use crate::state::object::store::{Evictor, ObjectStore};
use crate::storage::spill::SpillFolder;
use crate::types::error::{ErrorKind, TaskError};
use rustyray_testkit::seeds;

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
        damaged: bool,
    },
}

struct Object {
    handles: Vec<ObjectRef>,
    state: State,
    watches: Vec<Watch>,
    /// When its value was used last.
    used: u64,
    /// Was it freed as a part of a cycle?
    gone: bool,
}

impl Object {
    fn new(handle: ObjectRef, state: State, used: u64) -> Self {
        Object { handles: vec![handle], state, watches: Vec::new(), used, gone: false }
    }
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

impl Evictor for Spiller {
    fn above_watermark(&self) {}

    fn make_room(&self, taken: &mut dyn FnMut() -> bool) -> Result<(), TaskError> {
        let store = self.0.upgrade().expect("the store lives");
        for object in store.coldest() {
            let put_away = object.put_away(&self.1).map(drop);
            if taken() {
                break;
            }
            put_away?;
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
        store.evict_by(Box::new(Spiller(Arc::downgrade(&store), folder.clone())));
        let rng = Rng::with_seed(seed);
        World { rng, root, folder, store, objects: Vec::new(), values: Vec::new(), uses: 0 }
    }

    fn value_of(state: State) -> Option<usize> {
        match state {
            State::Here(value) | State::Away { value, .. } => Some(value),
            State::Pending | State::Failed { .. } => None,
        }
    }

    fn any(&mut self, of: impl Fn(&Object) -> bool) -> Option<usize> {
        let held: Vec<usize> = (0..self.objects.len()).filter(|name| !self.objects[*name].handles.is_empty()).collect();
        self.rng.choice(held.into_iter().filter(|name| of(&self.objects[*name])).collect::<Vec<_>>())
    }

    fn handle(&self, name: usize) -> ObjectRef {
        self.objects[name].handles[0].clone()
    }

    fn step(&mut self) {
        match self.rng.u8(..100) {
            0..14 => self.put(),
            14..24 => self.promise(),
            24..36 => self.seal(),
            36..44 => self.watch(),
            44..54 => self.unwatch(),
            54..70 => self.read_back(),
            70..80 => self.read(),
            80..84 => self.let_go(),
            84..93 => self.clone_or_drop(),
            93..97 => self.follow(),
            97..98 => self.collect(),
            _ => self.damage(),
        }
        self.check();
    }

    fn step_uses(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    /// Nothing is held by anybody any more.
    fn expect_nothing_left(mut self) {
        self.values.iter_mut().for_each(|value| value.users.clear());
        self.objects.iter_mut().for_each(|object| object.handles.clear());
        self.collect();
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
