//! Who is found among what a task submitted, while tasks come to their ends in any order.

use std::collections::BTreeSet;

use super::*;
use crate::state::model::{plan, task};
use crate::state::object::payload::{Encoding, Payload};
use crate::state::object::store::ObjectStore;
use crate::types::clock::{ManualClock, Moment};

struct World {
    store: Arc<ObjectStore>,
    clock: ManualClock,
}

impl World {
    fn new() -> Self {
        World { store: ObjectStore::new(1 << 20), clock: ManualClock::new() }
    }

    fn task(&self, id: u64) -> Arc<TaskRecord> {
        task(id, 0, plan(), false, &self.store).0
    }

    fn child(&self, id: u64, parent: &Arc<TaskRecord>) -> Arc<TaskRecord> {
        let child = self.task(id);
        assert!(parent.adopt(&child, 0));
        child
    }

    fn finish(&self, task: &TaskRecord, ends_children: bool) {
        let outcome = self.store.store(Payload::new(Encoding::Raw, ""));
        assert!(task.finish(outcome, ends_children, Moment::of(&self.clock), |_| ()).is_some());
    }
}

/// The numbers of all that are found below a task, heirs included, as whoever cancels it finds them.
fn below(task: &Arc<TaskRecord>) -> BTreeSet<u64> {
    let mut walk = Walk::of(task.family().expect("it submitted something"));
    let mut found = BTreeSet::new();
    while let Some(some) = walk.next() {
        for task in some {
            assert!(found.insert(task.spec.id.0), "once each");
            task.family().into_iter().for_each(|family| walk.enter(family));
        }
    }
    found
}

#[test]
fn what_is_left_of_a_task_that_returned_is_found_above_it_however_much_it_is() {
    let world = World::new();
    let root = world.task(0);
    let parent = world.child(1, &root);
    let children: Vec<_> = (2..1000).map(|id| world.child(id, &parent)).collect();
    let grandchild = world.child(1000, &children[0]);
    assert_eq!(below(&root), (1..=1000).collect());
    world.finish(&parent, false);
    assert_eq!(below(&root), (2..=1000).collect());
    assert_eq!(children[5].parent().unwrap().spec.id.0, 0, "the one above took it over");
    children.iter().for_each(|child| world.finish(child, false));
    assert_eq!(below(&root), [1000].into());
    world.finish(&grandchild, false);
    assert!(root.family().unwrap().is_empty(), "nobody is left, nor a place of anybody");
}

#[test]
fn tasks_that_submit_one_another_without_end_make_no_chain() {
    let world = World::new();
    let root = world.task(0);
    let mut last = world.child(1, &root);
    let mut gone = Vec::new();
    for id in 2..1000 {
        let next = world.child(id, &last);
        world.finish(&last, false);
        gone.push(Arc::downgrade(&last.family().unwrap()));
        last = next;
        assert_eq!(below(&root), [id].into());
    }
    let kept = gone.iter().filter(|family| family.strong_count() > 0).count();
    assert!(kept <= 2, "{kept} families of tasks that are done");
}

#[test]
fn what_is_submitted_for_a_task_that_is_done_is_of_the_one_above_or_ends_with_it() {
    let world = World::new();
    let root = world.task(0);
    let [returned, ended, empty] = [1, 2, 3].map(|id| world.child(id, &root));
    let sibling = world.child(4, &returned);
    world.finish(&returned, false);
    world.finish(&ended, true);
    world.finish(&empty, false);
    let [late, unwanted, other] = [5, 6, 7].map(|id| world.task(id));
    assert!(returned.adopt(&late, 0));
    assert!(!ended.adopt(&unwanted, 0));
    assert!(empty.adopt(&other, 0));
    assert_eq!(below(&root), [4, 5, 6, 7].into());
    // Those above may have ended, too.
    world.finish(&root, true);
    let later = world.task(8);
    assert!(!returned.adopt(&later, 0));
    drop(sibling);
}

#[test]
fn what_is_submitted_far_below_a_task_that_was_ended_ends_before_anybody_has_come_there() {
    let world = World::new();
    let root = world.task(0);
    let (parent, other) = (world.child(1, &root), world.task(2));
    let child = world.child(3, &parent);
    let [first, second, third, fourth] = [4, 5, 6, 7].map(|id| world.task(id));
    assert!(child.adopt(&first, 0));
    world.finish(&root, true);
    assert!(!child.adopt(&second, 1), "its own parent goes on, and the one above does not");
    assert!(other.adopt(&third, 1), "another tree is none of that");
    // One that was asked to stop has its grace.
    child.request_cancel();
    assert!(child.adopt(&fourth, 1));
}

#[test]
fn what_an_attempt_submitted_is_not_the_next_ones() {
    let world = World::new();
    let root = world.task(0);
    let parent = world.child(1, &root);
    let first = world.child(2, &parent);
    let left = parent.leave_children().unwrap();
    let second = world.child(3, &parent);
    assert_eq!(below(&parent), [3].into());
    assert_eq!(below(&root), [1, 2, 3].into(), "both are found from above");
    let mut walk = Walk::of(left);
    let of_the_first: Vec<_> = std::iter::from_fn(|| walk.next()).flatten().map(|task| task.spec.id.0).collect();
    assert_eq!(of_the_first, [2]);
    drop((first, second));
}

#[test]
fn a_child_that_was_ended_before_it_had_its_place_takes_none() {
    let world = World::new();
    let root = world.task(0);
    let child = world.task(1);
    world.finish(&child, false);
    root.adopt(&child, 0);
    assert!(root.family().unwrap().is_empty());
}

#[test]
fn nothing_is_kept_of_tasks_that_submit_one_another_below_one_that_is_over() {
    let world = World::new();
    let mut last = world.task(0);
    let mut families = Vec::new();
    for id in 1..100_000 {
        let next = world.child(id, &last);
        world.finish(&last, false);
        families.push(Arc::downgrade(&last.family().unwrap()));
        last = next;
    }
    let kept = families.iter().filter(|family| family.strong_count() > 0).count();
    assert!(kept <= 2, "{kept}");
}

#[test]
fn a_deep_nest_that_returns_from_within_goes_without_recursion() {
    let world = World::new();
    let mut nest = vec![world.task(0)];
    for id in 1..100_000 {
        nest.push(world.child(id, &nest[nest.len() - 1]));
    }
    let deepest = nest.pop().unwrap();
    while let Some(task) = nest.pop() {
        world.finish(&task, false);
    }
    world.finish(&deepest, false);
}
