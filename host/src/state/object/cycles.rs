//! Finds and frees objects that refer to each other in a cycle and that nobody else refers to, which reference counts never do.
//!
//! The store keeps a list of the values that refer to objects. A collection goes through it in short steps, while guests go on,
//! and looks for the values that are referred to only by each other: trial deletion, as in Bacon and Rajan, "Concurrent Cycle
//! Collection in Reference Counted Systems" (2001).
//!
//! A collection makes rounds of four passes over its candidates, which are all values of the list at first:
//!
//! 1. *Suspect* each candidate. Whoever reads a value clears its suspicion, under the object's lock.
//! 2. *Count* how often each candidate is referred to by candidates.
//! 3. *Check* that each candidate has no other references. One that has is no candidate any more, nor is what it leads to.
//! 4. *Condemn*: the same check once more. It also finds that nobody has read the value since it was suspected.
//!
//! Only a round that loses no candidate frees them. Why that is safe: let every candidate pass both checks, and let somebody
//! outside have come by a reference to one of them after the candidate's second check. He has it from a value that he read, of a
//! candidate again, since only candidates refer to candidates. He did not read that between its two checks, or its suspicion
//! would be gone, and he did not keep it from a read before the first one, which sees that a value is in use. So he read it after
//! its second check, by a reference that he came by earlier than by the one that he has now. The earliest such reference cannot
//! exist. What makes a reference from nothing, a [weak one](super::WeakObjectRef), clears the suspicion, or fails where the object
//! is condemned.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::payload::{Reference, Value};
use super::store::ObjectStore;
use super::{Holders, ObjectRef, WeakObjectRef};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::limits::{
    COLLECTION_REFERENCES, COLLECTION_REST, COLLECTION_REST_MAX, COLLECTION_ROUNDS_MAX, COLLECTION_STEP,
};
use crate::types::panics::Finally;
use crate::types::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize};
use crate::types::sync::{Mutex, rank};

/// Why cycles are looked for.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::state) enum Why {
    /// The store is rather full.
    Crowded,
    /// It has refused something.
    Full,
    /// An owner has ended, or the host.
    Ended,
}

/// What a value's number is before it has one.
const NONE: u64 = 0;

/// A value's part in collections.
#[derive(Debug, Default)]
pub struct Standing {
    /// Its number in the list, if it is in it.
    node: AtomicU64,
    suspicion: AtomicU8,
}

/// Nobody suspects it.
const CLEAR: u8 = 0;
/// Perhaps only candidates refer to it.
const SUSPECTED: u8 = 1;
/// It is about to be freed.
const CONDEMNED: u8 = 2;

impl Standing {
    /// Somebody reads it, or comes by a reference to it; false where it is too late for that. Called under the object's lock.
    pub fn is_reached(&self, cycles: &Cycles) -> bool {
        let suspicion = self.suspicion.load(Relaxed);
        if suspicion == CONDEMNED && !cycles.rescue() {
            return false;
        }
        if suspicion != CLEAR {
            self.suspicion.store(CLEAR, Relaxed);
        }
        true
    }

    fn number(&self) -> u64 {
        self.node.load(Relaxed)
    }

    fn set(&self, suspicion: u8) {
        self.suspicion.store(suspicion, Relaxed);
    }

    fn is_suspected(&self) -> bool {
        self.suspicion.load(Relaxed) == SUSPECTED
    }
}

/// The values of a store that refer to objects.
#[derive(Default)]
pub struct Cycles {
    nodes: Mutex<Nodes, { rank::STORE }>,
    /// How many values there are: most stores have none.
    len: AtomicUsize,
    /// The collection that was begun last, while it is under way.
    current: Mutex<Weak<Shared>, { rank::STORE }>,
}

#[derive(Default)]
struct Nodes {
    /// A tree, which gets smaller when values go, and never has to be copied to grow.
    map: BTreeMap<u64, Node>,
    last: u64,
    is_collecting: bool,
    /// What is condemned is being freed.
    is_freeing: bool,
    /// Somebody came by one that was condemned.
    has_rescued: bool,
    /// Another collection is to follow this one.
    again: bool,
    /// A rather full store asks for no other collection before, and a full one only if it `was_fruitful`.
    rests_until: Option<Instant>,
    /// Did the last one free anything?
    was_fruitful: bool,
    /// How long it rests after one that was not.
    fruitless_rest: Duration,
}

/// A value in the list.
struct Node {
    object: WeakObjectRef,
    is_candidate: bool,
    /// References from candidates.
    inner: u32,
    /// The node below it on the stack of those whose references are to be followed.
    below: u64,
    /// Keeps the object of a condemned value, so that each value is freed in a step of its own and not with what refers to it.
    kept: Option<ObjectRef>,
}

impl Cycles {
    /// A value that refers to objects is that of this object.
    pub fn add(&self, object: &ObjectRef, value: &Value) {
        let mut nodes = self.nodes.lock();
        nodes.last += 1;
        let number = nodes.last;
        let object = object.downgrade();
        nodes.map.insert(number, Node { object, is_candidate: false, inner: 0, below: NONE, kept: None });
        drop(nodes);
        value.standing().node.store(number, Relaxed);
        self.len.fetch_add(1, Relaxed);
    }

    /// Somebody comes by a value that is condemned: nothing is freed in this round. False where that has begun.
    fn rescue(&self) -> bool {
        let mut nodes = self.nodes.lock();
        nodes.has_rescued = true;
        !nodes.is_freeing
    }

    /// The value is gone.
    pub fn remove(&self, standing: &Standing) {
        let number = standing.number();
        if number != NONE {
            let gone = self.nodes.lock().map.remove(&number);
            self.len.fetch_sub(1, Relaxed);
            // Outside the lock: it may keep the object.
            drop(gone);
        }
    }
}

/// Looks at the value of this node, if it still is that of the object.
fn with_value<T>(number: u64, object: &ObjectRef, look: impl FnOnce(&Value, Holders) -> T) -> Option<T> {
    object.examine(|value, holders| (value.standing().number() == number).then(|| look(value, holders))).flatten()
}

/// The number of an object's value in the list, if it is in it.
fn number_of(object: &ObjectRef) -> Option<u64> {
    object.examine(|value, _| value.standing().number()).filter(|number| *number != NONE)
}

impl ObjectStore {
    /// Frees cycles, soon, because an owner of objects has ended.
    pub fn collect_cycles(self: &Arc<Self>) {
        self.begin_to_collect(Why::Ended);
    }

    /// Frees cycles, now: at the end of a host nobody else does, and what is left keeps the store.
    pub fn collect_now(self: &Arc<Self>) {
        let mut collection = self.collection(Why::Ended);
        while collection.as_mut().is_some_and(Collection::step) {}
    }

    /// Frees all values that refer to objects, whoever holds one of them: nobody can read it any more. Where he let go of it later, nobody
    /// would look for the cycles that it keeps. Receipts stay.
    pub fn let_go_of_references(&self) {
        let nodes = self.cycles().nodes.lock();
        // All of them first, so that each value goes by itself, and not with what refers to it.
        let objects: Vec<_> = nodes.map.values().filter_map(|node| node.object.to_look_at()).collect();
        drop(nodes);
        let why =
            Arc::new(TaskError::new(ErrorKind::HostShutDown, "the host is gone, and with it what refers to objects"));
        objects.iter().for_each(|object| drop(object.lose_value(&why)));
    }

    /// Frees cycles, soon, because the store is rather full or has refused something, unless that has just been done in vain.
    #[cold]
    pub(super) fn collect_if_worthwhile(self: &Arc<Self>, has_refused: bool) {
        if self.cycles().len.load(Relaxed) > 0 {
            self.begin_to_collect(if has_refused { Why::Full } else { Why::Crowded });
        }
    }

    fn begin_to_collect(self: &Arc<Self>, why: Why) {
        if self.works_apart()
            && let Some(collection) = self.collection(why)
        {
            let shared = Arc::new(Shared(parking_lot::Mutex::new(Some(collection))));
            let before = std::mem::replace(&mut *self.cycles().current.lock(), Arc::downgrade(&shared));
            drop(before);
            self.work_apart(Box::new(move || shared.step()));
        }
    }

    /// Brings the collection that is under way nearer to its end, on this thread, together with whoever is at it: at most by so many steps.
    /// False where there is none, or more is to be done.
    pub(super) fn help_to_collect(&self, steps: &mut u32) -> bool {
        let current = self.cycles().current.lock().upgrade();
        // What is freed in a step may want room itself.
        let Some(shared) = current.filter(|_| !STEPS.get()) else { return false };
        while *steps > 0 {
            *steps -= 1;
            if !shared.step() {
                return true;
            }
        }
        false
    }

    /// A collection, unless there is nothing to collect, or one under way, which is repeated where an owner has ended.
    pub(in crate::state) fn collection(self: &Arc<Self>, why: Why) -> Option<Collection> {
        let mut nodes = self.cycles().nodes.lock();
        if nodes.is_collecting {
            nodes.again |= why == Why::Ended;
            return None;
        }
        let is_urgent = why == Why::Ended || (why == Why::Full && nodes.was_fruitful);
        let rests = !is_urgent && nodes.rests_until.is_some_and(|until| Instant::now() < until);
        if nodes.map.is_empty() || rests {
            return None;
        }
        nodes.is_collecting = true;
        let end = nodes.last;
        drop(nodes);
        Some(Collection { store: self.clone(), began: Instant::now(), work: Work::until(end), is_over: false })
    }
}

thread_local! {
    /// Is this thread in a step of a collection?
    static STEPS: Cell<bool> = const { Cell::new(false) };
}

/// A collection that several threads can do together, a step each.
struct Shared(parking_lot::Mutex<Option<Collection>>);

impl Shared {
    /// True if more is to be done.
    fn step(&self) -> bool {
        // No lock on a state: values are dropped behind it, which may end what else they held.
        let mut collection = self.0.lock();
        STEPS.set(true);
        let over = Finally::new(|| STEPS.set(false));
        let more = collection.as_mut().is_some_and(Collection::step);
        if !more {
            *collection = None;
        }
        drop(over);
        more
    }
}

/// A search for cycles.
pub struct Collection {
    store: Arc<ObjectStore>,
    began: Instant,
    work: Work,
    is_over: bool,
}

/// How far it is.
#[derive(Default)]
struct Work {
    round: u32,
    pass: Pass,
    /// The node that is to be looked at next in this pass.
    at: u64,
    /// The last node of the collection: what is added later is not a candidate.
    end: u64,
    /// The reference to be looked at next, of that node or of the one that is followed.
    reference: usize,
    /// The node whose references are followed.
    followed: u64,
    /// The uppermost node of the stack of those that are to be followed.
    top: u64,
    /// Has this round lost a candidate?
    has_lost: bool,
    /// Candidates whose references this round has counted.
    counted: u64,
    /// Candidates that have passed this check.
    passed: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Debug)]
enum Pass {
    #[default]
    Suspect,
    Count,
    Check,
    Condemn,
    Free,
    /// Too much changes meanwhile.
    GiveUp,
}

impl Work {
    fn until(end: u64) -> Self {
        Work { end, ..Work::default() }
    }

    /// The pass after this one; `None` at the end.
    fn next(&self) -> Option<Pass> {
        let is_sound = !self.has_lost && self.passed == self.counted;
        match self.pass {
            Pass::Suspect => Some(Pass::Count),
            Pass::Count => Some(Pass::Check),
            Pass::Check | Pass::Condemn if self.passed == 0 => None,
            Pass::Check if is_sound => Some(Pass::Condemn),
            Pass::Condemn if is_sound => Some(Pass::Free),
            Pass::Check | Pass::Condemn if self.round < COLLECTION_ROUNDS_MAX => Some(Pass::Suspect),
            Pass::Check | Pass::Condemn => Some(Pass::GiveUp),
            Pass::Free | Pass::GiveUp => None,
        }
    }

    fn begin(&mut self, pass: Pass) {
        (self.pass, self.at, self.reference, self.passed) = (pass, 0, 0, 0);
        if pass == Pass::Suspect {
            self.round += 1;
            (self.has_lost, self.counted) = (false, 0);
        }
    }
}

impl Collection {
    /// Does a part of it, [`COLLECTION_STEP`] looks; true if more is to be done.
    pub fn step(&mut self) -> bool {
        (0..COLLECTION_STEP).all(|_| self.look()) || self.repeats()
    }

    /// Looks at the next value, or at some of its references; false at the end.
    pub(in crate::state) fn look(&mut self) -> bool {
        if self.follows() {
            return true;
        }
        let next = self.next();
        if next.as_ref().is_none_or(|(number, _)| *number != self.work.at) {
            // The one that was counted in part is gone.
            self.work.reference = 0;
        }
        let Some((number, object)) = next else {
            return self.next_pass();
        };
        let is_done = match object {
            None => true,
            Some(object) => match self.work.pass {
                Pass::Suspect => self.suspect(number, &object),
                Pass::Count => self.count(number, &object),
                Pass::Check => self.check(number, &object, false),
                Pass::Condemn => self.check(number, &object, true),
                Pass::Free => self.free(number, &object),
                Pass::GiveUp => self.release(number, &object),
            },
        };
        self.work.at = number;
        if is_done {
            (self.work.at, self.work.reference) = (number + 1, 0);
        }
        true
    }

    fn next_pass(&mut self) -> bool {
        let mut nodes = self.store.cycles().nodes.lock();
        // Under the lock: from here on nobody is told that he comes in time.
        self.work.has_lost |= std::mem::take(&mut nodes.has_rescued);
        let next = self.work.next();
        nodes.is_freeing = next == Some(Pass::Free);
        drop(nodes);
        next.into_iter().for_each(|pass| self.work.begin(pass));
        next.is_some()
    }

    /// The next node, and its object where that is to be looked at.
    fn next(&self) -> Option<(u64, Option<ObjectRef>)> {
        let nodes = self.store.cycles().nodes.lock();
        let (number, node) = nodes.map.range(self.work.at..).next().filter(|(number, _)| **number <= self.work.end)?;
        let is_first = self.work.round == 0 && self.work.pass == Pass::Suspect;
        let object = (node.is_candidate || is_first).then(|| node.object.to_look_at()).flatten();
        Some((*number, object))
    }

    /// Does something with a node, if it is still there. What comes back may have to be dropped where no lock is held.
    fn node<T>(&self, number: u64, f: impl FnOnce(&mut Node) -> T) -> Option<T> {
        self.store.cycles().nodes.lock().map.get_mut(&number).map(f)
    }

    fn suspect(&self, number: u64, object: &ObjectRef) -> bool {
        let has_value = with_value(number, object, |value, _| value.standing().set(SUSPECTED)).is_some();
        let kept = self.node(number, |node| {
            (node.is_candidate, node.inner) = (has_value, 0);
            node.kept.take()
        });
        drop(kept);
        true
    }

    fn count(&mut self, number: u64, object: &ObjectRef) -> bool {
        if self.work.reference == 0 {
            // From the first reference on: one that goes before the last is missed by the check, which finds fewer then.
            self.work.counted += 1;
        }
        let Some((referred, is_all)) = self.references(number, object) else {
            self.lose(number);
            return true;
        };
        let numbers: Vec<_> = referred.iter().filter_map(number_of).collect();
        let mut nodes = self.store.cycles().nodes.lock();
        for number in numbers {
            nodes.map.entry(number).and_modify(|node| node.inner = node.inner.saturating_add(1));
        }
        drop(nodes);
        is_all
    }

    /// The next objects that the value refers to, and whether these were the last; `None` if that is another one now.
    fn references(&mut self, number: u64, object: &ObjectRef) -> Option<(Vec<ObjectRef>, bool)> {
        let from = self.work.reference;
        let found = with_value(number, object, |value, _| {
            let references = &value.payload().references;
            let some = references.iter().skip(from).take(COLLECTION_REFERENCES);
            let objects = some.filter_map(|reference| match reference {
                Reference::Object(object) => Some(object.clone()),
                Reference::Actor(_) => None,
            });
            (objects.collect(), from + COLLECTION_REFERENCES >= references.len())
        })?;
        self.work.reference += COLLECTION_REFERENCES;
        Some(found)
    }

    fn check(&mut self, number: u64, object: &ObjectRef, condemns: bool) -> bool {
        let inner = self.node(number, |node| node.inner).unwrap_or_default();
        let passes = with_value(number, object, |value, holders| {
            // This thread has one.
            let passes =
                value.standing().is_suspected() && holders.of_value == 0 && holders.of_object == 1 + inner as usize;
            if passes && condemns {
                value.standing().set(CONDEMNED);
            }
            passes
        });
        if passes != Some(true) {
            self.lose(number);
            return true;
        }
        self.work.passed += 1;
        if condemns {
            let before = self.node(number, |node| node.kept.replace(object.clone()));
            drop(before);
        }
        true
    }

    /// This one is no candidate any more, and what it leads to is to follow.
    fn lose(&mut self, number: u64) {
        let top = self.work.top;
        let kept = self.node(number, |node| {
            (node.is_candidate, node.below) = (false, top);
            node.kept.take()
        });
        self.work.has_lost = true;
        if let Some(kept) = kept {
            self.work.top = number;
            drop(kept);
        }
    }

    /// Follows some references of what was lost; false where there is nothing to follow.
    fn follows(&mut self) -> bool {
        if self.work.followed == NONE {
            if self.work.top == NONE {
                return false;
            }
            (self.work.followed, self.work.reference) = (self.work.top, 0);
            self.work.top = self.node(self.work.followed, |node| node.below).unwrap_or(NONE);
        }
        let number = self.work.followed;
        let object = self.node(number, |node| node.object.to_look_at()).flatten();
        let found = object.and_then(|object| self.references(number, &object));
        let (referred, is_all) = found.unwrap_or((Vec::new(), true));
        for object in &referred {
            let Some(number) = number_of(object) else { continue };
            if self.node(number, |node| node.is_candidate) == Some(true) {
                let _ = with_value(number, object, |value, _| value.standing().set(CLEAR));
                self.lose(number);
            }
        }
        if is_all {
            (self.work.followed, self.work.reference) = (NONE, 0);
        }
        true
    }

    fn free(&self, number: u64, object: &ObjectRef) -> bool {
        if self.node(number, |node| node.is_candidate) == Some(true) {
            drop(object.take_value());
        }
        true
    }

    fn release(&self, number: u64, object: &ObjectRef) -> bool {
        let _ = with_value(number, object, |value, _| value.standing().set(CLEAR));
        let kept = self.node(number, |node| {
            node.is_candidate = false;
            node.kept.take()
        });
        drop(kept);
        true
    }

    /// Is there to be another one at once? If not this one is over.
    fn repeats(&mut self) -> bool {
        let mut nodes = self.store.cycles().nodes.lock();
        if std::mem::take(&mut nodes.again) {
            (self.work, self.began) = (Work::until(nodes.last), Instant::now());
            return true;
        }
        let took = self.began.elapsed() * COLLECTION_REST;
        nodes.was_fruitful = self.work.pass == Pass::Free;
        nodes.fruitless_rest = match nodes.was_fruitful {
            true => Duration::ZERO,
            // What is garbage now may have been held a moment ago, so that it is looked for again and again, and less and less often.
            false => (2 * nodes.fruitless_rest).clamp(took, COLLECTION_REST_MAX.max(took)),
        };
        nodes.rests_until = Some(Instant::now() + nodes.fruitless_rest.max(took));
        (nodes.is_collecting, self.is_over) = (false, true);
        false
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // It was not brought to its end: the next one begins anew.
        let mut nodes = self.store.cycles().nodes.lock();
        (nodes.is_collecting, nodes.is_freeing) = (false, false);
        let kept: Vec<_> = nodes.map.values_mut().filter_map(|node| node.kept.take()).collect();
        drop(nodes);
        drop(kept);
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use crate::state::object::payload::{Encoding, Payload};
    use crate::state::object::store::{Apart, Step};

    fn value(store: &Arc<ObjectStore>, objects: &[&ObjectRef]) -> Arc<Value> {
        let references = objects.iter().map(|object| Reference::Object((*object).clone())).collect();
        store.store(Payload { encoding: Encoding::Raw, data: vec![0; 10].into(), references }).unwrap()
    }

    /// So many objects, each of which refers to the next one, and the last one to the first.
    fn cycle(store: &Arc<ObjectStore>, length: usize) -> Vec<ObjectRef> {
        let objects: Vec<_> = (0..length).map(|_| store.promise()).collect();
        for (place, object) in objects.iter().enumerate() {
            object.seal(Ok(value(store, &[&objects[(place + 1) % length]])), None);
        }
        objects
    }

    fn collect(store: &Arc<ObjectStore>) {
        let mut collection = store.collection(Why::Ended);
        while collection.as_mut().is_some_and(Collection::step) {}
    }

    fn next(object: &ObjectRef) -> ObjectRef {
        let value = object.outcome().expect("it is reached").unwrap();
        match &value.payload().references[..] {
            [Reference::Object(next)] => next.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cycles_are_freed_with_what_only_they_refer_to() {
        let store = ObjectStore::new(1 << 30);
        for length in [1, 2, 3, 100] {
            let objects = cycle(&store, length);
            let (leaf, two) = (store.sealed(Ok(value(&store, &[]))), cycle(&store, 2));
            let before = store.sealed(Ok(value(&store, &[&objects[0], &objects[0]])));
            let between = store.sealed(Ok(value(&store, &[&leaf, &two[0]])));
            let knot = store.promise();
            knot.seal(Ok(value(&store, &[&before, &between, &knot])), None);
            drop((objects, leaf, two, before, between, knot));
            assert_eq!(store.live_objects() as usize, length + 6);
            collect(&store);
            assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
        }
    }

    #[test]
    fn what_is_held_stays_with_all_that_it_refers_to() {
        let store = ObjectStore::new(1 << 30);
        let mut objects = cycle(&store, 10);
        objects.truncate(1);
        let other = cycle(&store, 3);
        let in_use = other[0].outcome().unwrap().unwrap();
        let (referring, weak) = (cycle(&store, 1), objects[0].downgrade());
        let held = store.sealed(Ok(value(&store, &[&referring[0]])));
        drop((other, referring));
        collect(&store);
        assert_eq!(store.live_objects(), 10 + 3 + 2);
        drop((in_use, held));
        collect(&store);
        assert_eq!(store.live_objects(), 10);
        assert!(weak.upgrade().is_some());
        objects.clear();
        collect(&store);
        assert!(weak.upgrade().is_none());
        assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
    }

    #[test]
    fn at_the_end_all_that_refers_to_something_is_freed_whoever_holds_it() {
        let store = ObjectStore::new(1 << 30);
        let (held, leaf) = (cycle(&store, 1000).swap_remove(0), store.sealed(Ok(value(&store, &[]))));
        let list = store.sealed(Ok(value(&store, &[&leaf, &held])));
        collect(&store);
        assert_eq!(store.live_objects(), 1002);
        store.let_go_of_references();
        assert_eq!(store.live_objects(), 3, "what is held by itself");
        assert!(list.outcome().unwrap().is_err() && leaf.outcome().unwrap().is_ok());
        drop((held, leaf, list));
        assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
    }

    #[test]
    fn a_cycle_of_a_hundred_thousand_is_freed_in_steps_of_their_own() {
        let store = ObjectStore::new(1 << 30);
        drop(cycle(&store, 100_000));
        let mut collection = store.collection(Why::Ended).unwrap();
        let (mut live, mut most) = (store.live_objects(), 0);
        while collection.step() {
            most = most.max(live - store.live_objects());
            live = store.live_objects();
        }
        assert!((1..=u64::from(COLLECTION_STEP)).contains(&most), "{most} in one step");
        assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
    }

    /// Somebody who holds one of two objects goes over to the other one, and back, and over once more, at each three moments of
    /// a collection: so he is always where it does not look.
    #[test]
    fn who_moves_within_a_cycle_is_never_missed() {
        let moments =
            (0..20).flat_map(|one| (one..20).flat_map(move |two| (two..20).map(move |three| [one, two, three])));
        for (moments, from) in moments.flat_map(|moments| [(moments, 0), (moments, 1)]) {
            let store = ObjectStore::new(1 << 30);
            let mut held = cycle(&store, 2).swap_remove(from);
            let mut collection = store.collection(Why::Ended).unwrap();
            for now in 0.. {
                for _ in moments.into_iter().filter(|moment| *moment == now) {
                    held = next(&held);
                }
                if !collection.look() {
                    break;
                }
            }
            assert_eq!(store.live_objects(), 2, "{moments:?} from {from}");
            assert_eq!(next(&next(&held)).id(), held.id());
            drop((held, collection));
            collect(&store);
            assert_eq!(store.live_objects(), 0);
        }
    }

    /// Somebody takes what an object refers to, and lets the object go, at each moment of a collection.
    #[test]
    fn who_takes_a_value_with_him_is_never_missed() {
        for moment in 0..30 {
            let store = ObjectStore::new(1 << 30);
            let ring = cycle(&store, 2).swap_remove(0);
            let mut held = store.sealed(Ok(value(&store, &[&ring])));
            drop(ring);
            let mut collection = store.collection(Why::Ended).unwrap();
            for at in 0.. {
                if at == moment {
                    held = next(&held);
                }
                if !collection.look() && at >= moment {
                    break;
                }
            }
            assert_eq!(next(&next(&held)).id(), held.id(), "{moment}");
        }
    }

    /// A list of more references than one look counts, among them one to what is held, goes at each moment of a collection.
    #[test]
    fn a_value_that_goes_while_it_is_counted_is_no_reference() {
        for moment in 0..30 {
            let store = ObjectStore::new(1 << 30);
            let leaf = store.sealed(Ok(value(&store, &[])));
            let held = store.sealed(Ok(value(&store, &[&leaf])));
            let list: Vec<_> = std::iter::repeat_n(&held, 1).chain(std::iter::repeat_n(&leaf, 40)).collect();
            let mut list = Some(store.sealed(Ok(value(&store, &list))));
            let mut collection = store.collection(Why::Ended).unwrap();
            for at in 0.. {
                if at == moment {
                    list = None;
                }
                if !collection.look() && at >= moment {
                    break;
                }
            }
            assert!(list.is_none());
            assert_eq!(next(&held).id(), leaf.id(), "{moment}");
        }
    }

    #[test]
    fn a_weak_reference_gives_an_object_that_stays_or_none() {
        for moment in 0..30 {
            let store = ObjectStore::new(1 << 30);
            let weak = cycle(&store, 3)[0].downgrade();
            let mut collection = store.collection(Why::Ended).unwrap();
            let (mut held, mut at) = (None, 0);
            while collection.look() {
                if at == moment {
                    held = weak.upgrade();
                }
                at += 1;
            }
            match held {
                Some(object) => assert_eq!(next(&next(&next(&object))).id(), object.id(), "{moment}"),
                None => assert_eq!(store.live_objects(), 0, "it was there, and nobody was told"),
            }
        }
    }

    #[test]
    fn one_is_repeated_for_an_owner_that_ends_and_begins_anew_where_it_was_broken_off() {
        let store = ObjectStore::new(1 << 30);
        drop(cycle(&store, 3));
        let mut collection = store.collection(Why::Ended).unwrap();
        while collection.work.pass != Pass::Free {
            collection.look();
        }
        drop(cycle(&store, 3));
        assert!(store.collection(Why::Ended).is_none() && store.collection(Why::Crowded).is_none());
        while collection.step() {}
        assert_eq!(store.live_objects(), 0, "those that came meanwhile are gone too");
        drop(collection);
        drop(cycle(&store, 3));
        let mut broken = store.collection(Why::Ended).unwrap();
        while broken.work.pass != Pass::Free {
            broken.look();
        }
        drop(broken);
        collect(&store);
        assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
    }

    /// Has collections stepped when the test says so.
    #[derive(Default)]
    struct Asked(parking_lot::Mutex<Vec<Step>>);

    impl Apart for Arc<Asked> {
        fn work(&self, step: Step) {
            self.0.lock().push(step);
        }
    }

    #[test]
    fn who_needs_room_helps_to_collect_what_nobody_refers_to() {
        let (store, asked) = (ObjectStore::new(10_000), Arc::<Asked>::default());
        store.work_apart_by(Box::new(asked.clone()));
        let fill = || {
            let rings = cycle(&store, 8);
            while store.try_reserve(9_000).is_ok() {}
            rings
        };
        drop(fill());
        assert!(!asked.0.lock().is_empty(), "one has begun, and nobody is at it");
        drop(fill());
        store.reserve_at_once(9_500).expect("what was let go after it had begun is found by the next");
        assert_eq!(store.live_objects(), 0);
        // What is held stays, and who needs room hears so.
        let held = fill();
        store.reserve_at_once(9_500).unwrap_err();
        assert_eq!(store.live_objects(), 8);
        drop(held);
        // Whoever comes for the steps finds that they are done.
        for mut step in std::mem::take(&mut *asked.0.lock()) {
            assert!(!step());
        }
    }

    #[test]
    fn a_store_asks_for_a_collection_when_it_is_rather_full() {
        let (store, asked) = (ObjectStore::new(10_000), Arc::<Asked>::default());
        store.work_apart_by(Box::new(asked.clone()));
        let finish = || {
            let mut collection = asked.0.lock().pop().expect("one was asked for");
            while collection() {}
        };
        drop(store.reserve_now(9_000));
        drop(cycle(&store, 2));
        assert!(asked.0.lock().is_empty(), "nothing to collect, or not full");
        drop(store.reserve_now(9_000));
        drop(store.reserve_now(9_000));
        assert_eq!(asked.0.lock().len(), 1, "one at a time");
        finish();
        assert_eq!(store.live_objects(), 0);
        // It was of use: who is refused has the next one at once.
        let held = cycle(&store, 2);
        store.reserve_now(9_500).unwrap_err();
        finish();
        // It was not. What is let go after it is found all the same, when it has rested, without anything new.
        drop(held);
        while asked.0.lock().is_empty() {
            store.reserve_now(9_500).unwrap_err();
        }
        finish();
        assert_eq!((store.live_objects(), store.used_bytes()), (0, 0));
    }
}
