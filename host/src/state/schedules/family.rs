//! A task that is ended while something is submitted for it, and while what it submitted comes to its end.

use std::sync::Arc;

use shuttle::thread;

use super::super::task::TaskRecord;
use super::{explore, nobody, settle, task};
use crate::state::object::payload::{Encoding, Payload};
use crate::state::object::store::ObjectStore;
use crate::state::task::family::Walk;
use crate::types::clock::{ManualClock, Moment};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::resources::ResourceSet;

fn made(id: u64, store: &Arc<ObjectStore>) -> Arc<TaskRecord> {
    task(id, ResourceSet::default(), Vec::new(), store, nobody()).0
}

/// Everything below, as whoever ends it finds it.
fn below(task: &TaskRecord) -> Vec<u64> {
    let mut found = Vec::new();
    let mut walk = task.family().map(Walk::of);
    while let Some(some) = walk.as_mut().and_then(Walk::next) {
        for task in some {
            found.push(task.spec.id.0);
            task.family().into_iter().for_each(|family| walk.as_mut().expect("it goes on").enter(family));
        }
    }
    found
}

#[test]
fn whoever_ends_a_task_finds_what_is_submitted_for_it_or_that_is_told_to_end() {
    explore(|| {
        let store = ObjectStore::new(1 << 20);
        let [top, root, parent, child, late] = [0, 1, 2, 3, 4].map(|id| made(id, &store));
        let grandchild = made(5, &store);
        assert!(
            top.adopt(&root, 0) && root.adopt(&parent, 0) && parent.adopt(&child, 0) && child.adopt(&grandchild, 0)
        );
        let submitting = {
            let (parent, late) = (parent.clone(), late.clone());
            thread::spawn(move || parent.adopt(&late, 0))
        };
        let returning: Vec<_> = [parent, child]
            .into_iter()
            .map(|task| {
                let store = store.clone();
                thread::spawn(move || {
                    let outcome = store.store(Payload::new(Encoding::Raw, ""));
                    let finished = task.finish(outcome, false, Moment::of(&ManualClock::new()), |_| ());
                    finished.expect("it returns once").to_end.map_or_else(Vec::new, |_| below(&task))
                })
            })
            .collect();
        let over = Err(Arc::new(TaskError::new(ErrorKind::TaskCancelled, "over")));
        assert!(root.finish(over, true, Moment::of(&ManualClock::new()), |_| ()).is_some());
        let mut found = below(&root);
        let goes_on = submitting.join().unwrap();
        found.extend(returning.into_iter().flat_map(|thread| thread.join().unwrap()));
        assert!(found.contains(&5), "{found:?}");
        assert!(!goes_on || found.contains(&4), "{found:?}");
    });
}

#[test]
fn nobody_is_left_in_a_place_however_they_come_to_their_ends() {
    explore(|| {
        let store = ObjectStore::new(1 << 20);
        let [root, parent, first, second] = [1, 2, 3, 4].map(|id| made(id, &store));
        assert!(root.adopt(&parent, 0) && parent.adopt(&first, 0));
        let submitting = {
            let (parent, second) = (parent.clone(), second.clone());
            thread::spawn(move || parent.adopt(&second, 0))
        };
        let ending: Vec<_> = [parent, first, second]
            .into_iter()
            .map(|task| {
                let store = store.clone();
                thread::spawn(move || assert!(settle(&task, None, &store)))
            })
            .collect();
        ending.into_iter().for_each(|thread| thread.join().unwrap());
        submitting.join().unwrap();
        assert!(root.family().expect("it had a child").is_empty());
    });
}
