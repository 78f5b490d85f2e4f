//! Objects that are sealed while others begin to watch them, and stop.

use std::sync::Arc;

use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use super::super::object::Watcher;
use super::{explore, nobody, settle, task};
use crate::state::object::store::ObjectStore;
use crate::types::error::ErrorKind;
use crate::types::resources::ResourceSet;

#[derive(Default)]
struct Told(AtomicUsize);

impl Watcher for Told {
    fn sealed(self: Arc<Self>, _failed: bool) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn whoever_watches_is_told_once_or_finds_it_sealed() {
    explore(|| {
        let store = ObjectStore::new(1 << 20);
        let (record, object) = task(1, ResourceSet::default(), Vec::new(), &store, nobody());
        let watching: Vec<_> = (0..2)
            .map(|_| {
                let object = object.clone();
                thread::spawn(move || {
                    let told = Arc::new(Told::default());
                    let sealed = object.watch(told.clone()).is_err();
                    (told, sealed)
                })
            })
            .collect();
        let impatient = {
            let object = object.clone();
            thread::spawn(move || {
                let told = Arc::new(Told::default());
                if let Ok(key) = object.watch(told.clone()) {
                    object.unwatch(&key, &*told);
                }
            })
        };
        let enders: Vec<_> = [None, Some(ErrorKind::TaskCancelled)]
            .map(|kind| {
                let (record, store) = (record.clone(), store.clone());
                thread::spawn(move || usize::from(settle(&record, kind, &store)))
            })
            .into();
        assert_eq!(enders.into_iter().map(|ender| ender.join().unwrap()).sum::<usize>(), 1, "the first outcome stays");
        impatient.join().unwrap();
        for watching in watching {
            let (told, sealed) = watching.join().unwrap();
            assert_eq!(told.0.load(Ordering::SeqCst) + usize::from(sealed), 1);
        }
        assert!(object.is_ready() && record.is_done());
    });
}

#[test]
fn a_task_is_released_once_however_its_arguments_come() {
    explore(|| {
        let store = ObjectStore::new(1 << 20);
        let first = task(1, ResourceSet::default(), Vec::new(), &store, nobody());
        let second = task(2, ResourceSet::default(), Vec::new(), &store, nobody());
        let arguments = vec![first.1.clone(), second.1.clone()];
        let (waiting, _object) = task(3, ResourceSet::default(), arguments, &store, nobody());
        let sealing: Vec<_> = [first.0, second.0]
            .into_iter()
            .map(|record| {
                let store = store.clone();
                thread::spawn(move || assert!(settle(&record, None, &store)))
            })
            .collect();
        waiting.watch_arguments();
        sealing.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(waiting.is_released());
    });
}
