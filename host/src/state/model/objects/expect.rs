//! What should be alive, and what it should take.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::super::super::object::Outcome;
use super::{DISK, Known, LIMIT, State, World};
use crate::state::object::payload::Reference;
use crate::types::error::ErrorKind;
use crate::types::limits::{OBJECT_OVERHEAD_BYTES, REFERENCES_BYTES, SPILL_BYTES_MIN};

impl World {
    /// Which objects and values are alive as counts of references go: those that are held, and what others refer to that are alive.
    pub(super) fn alive(&self) -> (Vec<bool>, Vec<bool>) {
        let mut objects: Vec<bool> = self.objects.iter().map(|object| !object.gone).collect();
        loop {
            let values = self.values_of(&objects);
            let held: Vec<bool> = self.objects.iter().map(|object| !object.handles.is_empty()).collect();
            let next =
                self.referred(held, &values).into_iter().zip(&objects).map(|(held, alive)| held && *alive).collect();
            if objects == next {
                return (objects, values);
            }
            objects = next;
        }
    }

    /// Which objects somebody can come by.
    pub(super) fn reached(&self) -> Vec<bool> {
        let mut objects = self.objects.iter().map(|object| !object.handles.is_empty()).collect();
        loop {
            let next = self.referred(Vec::clone(&objects), &self.values_of(&objects));
            if objects == next {
                return objects;
            }
            objects = next;
        }
    }

    /// The values of these objects, and those in use.
    fn values_of(&self, objects: &[bool]) -> Vec<bool> {
        let mut values: Vec<bool> = self.values.iter().map(|value| !value.users.is_empty()).collect();
        let held = (0..objects.len()).filter(|name| objects[*name]);
        held.filter_map(|name| Self::value_of(self.objects[name].state)).for_each(|value| values[value] = true);
        values
    }

    /// These objects, and those that these values refer to.
    fn referred(&self, mut objects: Vec<bool>, values: &[bool]) -> Vec<bool> {
        let alive = self.values.iter().zip(values).filter(|(_, alive)| **alive);
        alive.flat_map(|(value, _)| &value.references).for_each(|name| objects[*name] = true);
        objects
    }

    pub(super) fn stored(&self, value: usize) -> u64 {
        let Known { bytes, references, .. } = &self.values[value];
        let beside = if references.is_empty() { 0 } else { REFERENCES_BYTES };
        beside + (bytes + references.len() * size_of::<Reference>()) as u64 + OBJECT_OVERHEAD_BYTES
    }

    pub(super) fn bytes(&self, value: usize) -> u64 {
        self.values[value].bytes as u64
    }

    pub(super) fn is_away(&self, value: usize) -> bool {
        self.objects.iter().any(|object| matches!(object.state, State::Away { value: away, .. } if away == value))
    }

    /// What the store and the disk hold.
    pub(super) fn held(&self) -> (u64, u64) {
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
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<(), ErrorKind> {
        if self.held().0 + bytes <= LIMIT {
            return Ok(());
        }
        if bytes > LIMIT {
            return Err(ErrorKind::ObjectStoreFull);
        }
        let (alive, _) = self.alive();
        let mut cold: Vec<usize> = (0..self.objects.len()).filter(|name| alive[*name]).collect();
        cold.sort_by_key(|name| self.objects[*name].used);
        let mut failure = ErrorKind::ObjectStoreFull;
        for name in cold {
            let State::Here(value) = self.objects[name].state else {
                continue;
            };
            if self.bytes(value) < SPILL_BYTES_MIN {
                continue;
            }
            // Whoever looks at one that stays finds that it is used.
            self.objects[name].used = self.step_uses();
            if !self.values[value].users.is_empty() {
                continue;
            }
            if self.held().1 + self.bytes(value) > DISK {
                failure = ErrorKind::OutOfDisk;
                break;
            }
            self.objects[name].state = State::Away { value, damaged: false };
            if self.held().0 + bytes <= LIMIT {
                break;
            }
        }
        if self.held().0 + bytes <= LIMIT { Ok(()) } else { Err(failure) }
    }

    /// An error takes room, where there is some; `beside` it its object, where that is not charged already.
    pub(super) fn charged(&self, outcome: &Outcome, state: State, beside: u64) -> State {
        match (outcome, state) {
            (Err(error), State::Failed { kind, .. }) => {
                let bytes = error.kept_bytes() + beside;
                let charge = if self.held().0 + bytes <= LIMIT { bytes } else { 0 };
                State::Failed { kind, charge }
            }
            (_, state) => state,
        }
    }

    pub(super) fn check(&self) {
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
                assert_eq!(handle.stored().is_some(), matches!(object.state, State::Away { .. }));
            }
            for watch in &object.watches {
                assert_eq!(watch.told.0.load(Ordering::Relaxed), watch.expected, "each watcher is told once");
            }
        }
    }

    pub(super) fn files(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(self.root.path()).unwrap().map(|entry| entry.unwrap().path());
        let within = folders.filter(|path| path.is_dir()).flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let paths = within.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "object")).collect()
    }
}
