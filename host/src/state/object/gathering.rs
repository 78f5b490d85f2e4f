//! Waiting for what has to be in memory: values that were spilled, together with room for new bytes.
//!
//! Who needs some stands in one line, and is given all of it at once, or nothing: of two that each had a part of theirs, neither
//! would find room for the rest. Nobody has a thread while it waits. The threads that read from disk go through the line, by priority
//! and then in turn by owner; who fits passes who does not, but not for ever. Of one owner's they are not all at work where others
//! wait. One thread more never touches the disk, which may not answer: it refuses who has waited for too long, and gives room to who
//! needs nothing else.

mod turns;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::ops::Bound::{Excluded, Unbounded};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use self::turns::{Key, Turns};
use super::store::Reservation;
use super::{ObjectRef, Outcome};
use crate::types::error::{ErrorKind, TaskError, TaskResult};
use crate::types::ids::ObjectId;
use crate::types::limits::{GATHERED_PAST_MAX, HELD_MAX, LOOKAHEAD, ROOM_PATIENCE, SPILL_PATIENCE, SPILL_RETRY};
use crate::types::panics::caught;
use crate::types::sync;
use crate::types::sync::{AtomicWaker, rank};

/// Whose it is that somebody waits for, and how urgently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claimant {
    /// Higher first.
    pub priority: i32,
    /// Owners take turns, and of those of one owner none passes another for ever.
    pub owner: u64,
}

/// What was asked for.
#[derive(Debug)]
pub struct Gathered {
    /// What became of the objects, in their order: those with a value are held by it. `None` of one that is made again, and has
    /// to be waited for anew.
    pub outcomes: Vec<Option<Outcome>>,
    /// The room for new bytes, where some was asked for; or why there was none.
    pub room: Result<Option<Reservation>, Arc<TaskError>>,
}

/// Somebody who waits. Dropping it leaves the line.
pub struct Gathering {
    need: Arc<Need>,
    line: Weak<Gatherings>,
}

/// What somebody waits for.
pub struct Need {
    /// The objects whose values are needed.
    pub objects: Box<[ObjectRef]>,
    /// Bytes of room that are needed beside them.
    pub bytes: u64,
    key: Key,
    owner: u64,
    /// Was it never looked at?
    new: AtomicBool,
    /// Why there was no room then.
    why: Mutex<Option<Arc<TaskError>>>,
    /// Is what has come let go of after a while, if nobody takes it?
    lapses: AtomicBool,
    /// When that is, once it has come. Written under the line's lock.
    held_until: OnceLock<Instant>,
    gone: AtomicBool,
    gathered: sync::Mutex<Option<Gathered>, { rank::GATHERED }>,
    waker: AtomicWaker,
}

/// The line. The lock is held for a look at it, and nobody takes another one meanwhile.
pub struct Gatherings {
    line: Mutex<Line>,
    /// There is something to do for a thread that reads, or the end.
    changed: Condvar,
    /// The same for the one that never touches the disk.
    due: Condvar,
    /// The fewest bytes that anybody lacks who waits; who gives fewer back than would do wakes nobody.
    fewest: AtomicU64,
    /// The same of those who need room alone.
    fewest_alone: AtomicU64,
    /// Has somebody said that the store is fuller than it should be, and no thread begun to see to that?
    is_above: AtomicBool,
    /// Until when there is no use in that, in milliseconds since `begun`; 0 where there is.
    rests_until: AtomicU64,
    begun: Instant,
}

/// Between two looks at everybody because of what may not be used any more: each goes over all that could be spilled.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

struct Line {
    needs: BTreeMap<Key, Stands>,
    /// How many of them each owner has.
    owners: HashMap<u64, usize>,
    /// The same, by the time until which each waits.
    deadlines: BTreeSet<(Instant, Key)>,
    /// The same, by the bytes that each lacked when it was looked at last.
    lacking: BTreeSet<(u64, Key)>,
    /// Those of them who need room alone.
    alone: BTreeSet<(u64, Key)>,
    /// Those who have what they waited for and are to take it, by the time until which it is held for them.
    held: BTreeMap<(Instant, Key), Arc<Need>>,
    turns: Turns,
    /// Those at which a thread that reads is, and whose they are. Also after they have left.
    served_now: Vec<(Key, u64)>,
    /// Objects that a thread reads right now, and those who wait for the end of that.
    reading: HashMap<ObjectId, BTreeSet<Key>>,
    /// Those who need room alone and at whom a thread is that may write to disk what makes room.
    giving: Vec<Giving>,
    /// The store is fuller than it should be.
    is_above: bool,
    /// There are files that nobody needs any more.
    littered: bool,
    /// A thread removes them.
    sweeps: bool,
    /// A thread sees to that.
    evicts: bool,
    /// Threads that read and have nothing to do.
    readers_free: usize,
    /// Until when the thread sleeps that never touches the disk; `None` for ever.
    sleeps_until: Option<Instant>,
    /// When everybody is looked at again, because what somebody used can perhaps be spilled by now; and when that was so last.
    look_at: Option<Instant>,
    looked: Instant,
    /// Counts the changes after which it is worth to look at everybody again.
    changes: u64,
    round: Round,
    closed: bool,
}

/// One way through the line, after a change.
#[derive(Default)]
struct Round {
    change: u64,
    /// Up to here it went.
    at: Option<Key>,
    /// Those whom nobody is to pass any more.
    kept_for: Vec<Kept>,
    /// Of what is kept for another owner's no more than this is.
    share: u64,
}

/// One whom nobody is to pass any more: what it lacks is kept for it.
struct Kept {
    key: Key,
    owner: u64,
    lacks: u64,
}

/// One for whom room is made: who lacks as much or more, and nothing else, takes none of it.
struct Giving {
    key: Key,
    lacks: u64,
    /// A disk may not answer.
    until: Instant,
}

impl Giving {
    /// That one, for which a thread begins to look for room now.
    fn new(stands: &Stands, now: Instant) -> Self {
        Giving { key: stands.need.key, lacks: stands.lacks, until: now + ROOM_PATIENCE }
    }

    /// Does it come before whoever lacks so much?
    fn is_before(&self, lacks: u64, now: Instant) -> bool {
        self.lacks <= lacks && self.until > now
    }
}

struct Stands {
    need: Arc<Need>,
    until: Instant,
    lacks: u64,
    /// The change up to which it was looked at.
    seen: u64,
    /// The same by the thread that never touches the disk.
    tried: u64,
    /// A thread is at it.
    taken: bool,
    /// And has found room for it: it reads.
    has_room: bool,
    /// How often others were served before it that came later.
    passed: u32,
}

impl Stands {
    /// Was there no room for it yet when it was looked at? Who waits for its turn alone lacks nothing that another takes.
    fn wants_room(&self) -> bool {
        let looked_at = self.taken || self.seen > 0 || self.tried > 0;
        looked_at && !self.has_room
    }
}

/// What a thread that reads is to do.
pub enum Errand {
    /// Remove the files that nobody needs any more.
    Sweep,
    /// See to it that the store is as empty as it should be.
    Evict,
    /// Try to gather this, as things are after this change.
    Gather(Arc<Need>, u64),
}

/// What the thread is to do that never touches the disk.
pub enum Duty {
    /// See whether there is room for this, which needs nothing else.
    Give(Arc<Need>),
    /// Those have waited for too long.
    Refuse(Vec<Arc<Need>>),
    /// Those did not take what came.
    LetGo(Vec<Arc<Need>>),
}

impl Default for Gatherings {
    fn default() -> Self {
        let line = Line {
            needs: BTreeMap::new(),
            owners: HashMap::new(),
            deadlines: BTreeSet::new(),
            lacking: BTreeSet::new(),
            alone: BTreeSet::new(),
            held: BTreeMap::new(),
            turns: Turns::default(),
            served_now: Vec::new(),
            reading: HashMap::new(),
            giving: Vec::new(),
            is_above: false,
            littered: false,
            sweeps: false,
            evicts: false,
            readers_free: 0,
            sleeps_until: Some(Instant::now()),
            look_at: None,
            looked: Instant::now(),
            changes: 1,
            round: Round::default(),
            closed: false,
        };
        Gatherings {
            line: Mutex::new(line),
            changed: Condvar::new(),
            due: Condvar::new(),
            fewest: AtomicU64::new(u64::MAX),
            fewest_alone: AtomicU64::new(u64::MAX),
            is_above: AtomicBool::new(false),
            rests_until: AtomicU64::new(0),
            begun: Instant::now(),
        }
    }
}

impl Gatherings {
    /// Takes a place in the line for the values of these objects, and so many bytes of room.
    pub fn join(self: &Arc<Self>, objects: Vec<ObjectRef>, bytes: u64, claimant: Claimant) -> Gathering {
        // What is in memory, or pending, needs nobody who reads it: there may be nobody.
        let waits = bytes > 0 || objects.iter().any(ObjectRef::is_away);
        if !waits {
            let need = Arc::new(Need::new(objects, bytes, claimant, Key::default()));
            need.give(Gathered { outcomes: need.outcomes(), room: Ok(None) });
            return Gathering { need, line: Weak::new() };
        }
        let mut line = self.line.lock();
        if line.closed {
            drop(line);
            return Gathering::refused(objects, bytes, &Arc::new(shut_down()));
        }
        let need = Arc::new(Need::new(objects, bytes, claimant, line.turns.take(claimant)));
        let until = line.insert(need.clone());
        self.note_fewest(&line);
        let all_busy = line.readers_free == 0;
        self.wake_for(line, if all_busy { Instant::now() } else { until });
        self.changed.notify_one();
        Gathering { need, line: Arc::downgrade(self) }
    }

    /// So many bytes are used now: is there room for anybody who waits?
    pub fn freed(&self, used: u64, limit: u64) {
        if used.saturating_add(self.fewest.load(Ordering::Acquire)) <= limit {
            let mut line = self.line.lock();
            line.changes += 1;
            let all_busy = line.readers_free == 0;
            drop(line);
            self.changed.notify_one();
            if all_busy {
                self.due.notify_one();
            }
        }
    }

    /// May so much room be taken by who does not stand in the line? Not where somebody stands there who needs as little, and nothing
    /// else.
    pub fn lets_pass(&self, bytes: u64) -> bool {
        bytes < self.fewest_alone.load(Ordering::Acquire)
    }

    /// There is one more value that can be spilled.
    pub fn came(&self) {
        if self.fewest.load(Ordering::Acquire) < u64::MAX {
            self.line.lock().changes += 1;
            self.changed.notify_one();
        }
    }

    /// What somebody used can perhaps be spilled by now.
    pub fn loosened(&self) {
        if self.fewest.load(Ordering::Acquire) == u64::MAX {
            return;
        }
        let mut line = self.line.lock();
        let soon = line.looked + LOOK_PAUSE;
        if line.look_at.is_none_or(|at| at > soon) {
            line.look_at = Some(soon);
            drop(line);
            self.changed.notify_one();
        }
    }

    /// The store is fuller than it should be. Costs a look or two where that is known, or can't be helped.
    pub fn evict_soon(&self) {
        if self.is_above.load(Ordering::Relaxed) || self.rests() || self.is_above.swap(true, Ordering::AcqRel) {
            return;
        }
        self.line.lock().is_above = true;
        self.changed.notify_one();
    }

    /// Could nothing be spilled a moment ago?
    fn rests(&self) -> bool {
        let until = self.rests_until.load(Ordering::Relaxed);
        until > 0 && self.begun.elapsed().as_millis() < u128::from(until)
    }

    /// Nobody waits any more: all hear that the host ends, and so do the threads that read.
    pub fn close(&self) {
        let (left, held) = {
            let mut line = self.line.lock();
            line.closed = true;
            (line.deadlines, line.lacking, line.alone) = Default::default();
            line.giving.clear();
            line.owners.clear();
            line.turns = Turns::default();
            self.note_fewest(&line);
            (std::mem::take(&mut line.needs), std::mem::take(&mut line.held))
        };
        drop(held);
        self.changed.notify_all();
        self.due.notify_all();
        let error = Arc::new(shut_down());
        left.values().for_each(|stands| stands.need.refuse(&error));
    }

    /// What to do next for the thread that never touches the disk; `None` at the end.
    pub fn next_duty(&self) -> Option<Duty> {
        let mut line = self.line.lock();
        loop {
            if line.closed {
                return None;
            }
            let now = Instant::now();
            if let Some(duty) = self.due(&mut line, now) {
                return Some(duty);
            }
            if let Some(need) = line.first_for_room(now) {
                return Some(Duty::Give(need));
            }
            let answers = line.giving.iter().map(|one| one.until).filter(|until| *until > now);
            line.sleeps_until = line.is_due_at().into_iter().chain(answers).min();
            match line.sleeps_until {
                None => self.due.wait(&mut line),
                Some(until) => drop(self.due.wait_until(&mut line, until)),
            }
        }
    }

    /// Those who have waited, or were waited for, too long.
    fn due(&self, line: &mut Line, now: Instant) -> Option<Duty> {
        let late = line.take_late(now);
        if !late.is_empty() {
            self.note_fewest(line);
            return Some(Duty::Refuse(late));
        }
        let lapsed = line.take_lapsed(now);
        (!lapsed.is_empty()).then_some(Duty::LetGo(lapsed))
    }

    /// What to do next for a thread that reads, once there is something; `None` at the end.
    pub fn next(&self, limit: u64) -> Option<Errand> {
        let mut line = self.line.lock();
        let errand = self.next_in(&mut line, limit);
        let all_busy = line.readers_free == 0;
        drop(line);
        if all_busy {
            // Who needs no disk need not wait for these.
            self.due.notify_one();
        }
        errand
    }

    fn next_in(&self, line: &mut MutexGuard<'_, Line>, limit: u64) -> Option<Errand> {
        loop {
            if line.closed {
                return None;
            }
            if line.littered && !line.sweeps {
                (line.littered, line.sweeps) = (false, true);
                return Some(Errand::Sweep);
            }
            // One thread at a time: the other reads, and refuses.
            if line.is_above && !line.evicts {
                (line.is_above, line.evicts) = (false, true);
                self.is_above.store(false, Ordering::Release);
                return Some(Errand::Evict);
            }
            let now = Instant::now();
            if line.look_at.is_some_and(|at| at <= now) {
                (line.look_at, line.looked) = (None, now);
                line.changes += 1;
            }
            if let Some(need) = line.first(limit) {
                return Some(Errand::Gather(need, line.changes));
            }
            line.readers_free += 1;
            match line.wakes_at(now) {
                None => self.changed.wait(line),
                Some(until) => drop(self.changed.wait_until(line, until)),
            }
            line.readers_free -= 1;
        }
    }

    /// There are files that nobody needs any more. False at the end, when nobody comes for them.
    pub fn litter(&self) -> bool {
        let (first, closed) = {
            let mut line = self.line.lock();
            (!std::mem::replace(&mut line.littered, true), line.closed)
        };
        if first {
            self.changed.notify_one();
        }
        !closed
    }

    /// They are gone, and what they took on the disk is free.
    pub fn have_swept(&self) {
        let mut line = self.line.lock();
        line.sweeps = false;
        line.changes += 1;
        drop(line);
        self.changed.notify_all();
    }

    /// The store is as empty as it should be, or as it can be: then nobody tries again for so long.
    pub fn have_evicted(&self, rest: Duration) {
        let mut line = self.line.lock();
        line.evicts = false;
        let until = match rest.is_zero() {
            true => 0,
            false => {
                line.is_above = false;
                (self.begun.elapsed() + rest).as_millis() as u64 + 1
            }
        };
        self.rests_until.store(until, Ordering::Relaxed);
        if !line.is_above {
            self.is_above.store(false, Ordering::Release);
        }
    }

    /// This thread reads these objects for somebody from here on. False if another one reads some of them: then who needs them waits
    /// on, and is looked at again at the end of that, whatever it is.
    pub fn begin_to_read(&self, need: &Need, objects: &[ObjectId], lacks: u64, seen: u64) -> bool {
        let mut line = self.line.lock();
        let read = objects.iter().find(|object| line.reading.contains_key(object));
        match read.and_then(|object| line.reading.get_mut(object)) {
            Some(waiting) => {
                waiting.insert(need.key);
                // Under the same lock: that end does not come between the two.
                self.wait_on(line, need, lacks, seen);
                false
            }
            None => {
                line.reading.extend(objects.iter().map(|object| (*object, BTreeSet::new())));
                true
            }
        }
    }

    /// It does not read them, and nothing has changed but for those who waited for that.
    pub fn forget_reading(&self, objects: &[ObjectId]) {
        let somebody_waits = self.line.lock().end_reading(objects);
        if somebody_waits {
            self.changed.notify_one();
        }
    }

    /// It has read them.
    pub fn have_read(&self, objects: &[ObjectId]) {
        let mut line = self.line.lock();
        line.end_reading(objects);
        line.changes += 1;
        drop(line);
        self.changed.notify_all();
    }

    /// The first that may be served, for a test in which nobody waits for that.
    #[cfg(test)]
    pub fn turn(&self, limit: u64) -> Option<(Arc<Need>, u64)> {
        let mut line = self.line.lock();
        line.first(limit).map(|need| (need, line.changes))
    }

    /// There is room for it, and it is read. Nobody has to stand back for it any more.
    pub fn have_room(&self, need: &Need) {
        let mut line = self.line.lock();
        if let Some(stands) = line.needs.get_mut(&need.key) {
            stands.has_room = true;
        }
        let kept = line.stop_keeping(&need.key);
        drop(line);
        if kept {
            self.changed.notify_one();
        }
    }

    /// There was no room: it waits on.
    pub fn put_back(&self, need: &Need, lacks: u64, seen: u64) {
        self.wait_on(self.line.lock(), need, lacks, seen);
    }

    fn wait_on(&self, mut line: MutexGuard<'_, Line>, need: &Need, lacks: u64, seen: u64) {
        line.end_serving(&need.key);
        let until = line.put_back(need, lacks, seen);
        self.note_fewest(&line);
        if let Some(until) = until {
            self.wake_for(line, until);
        }
    }

    /// It is refused at this time, if it has not come by then and is not refused before.
    pub fn refuse_at(&self, need: &Need, until: Instant) {
        let mut line = self.line.lock();
        if line.set_deadline(&need.key, until) {
            self.wake_for(line, until);
        }
    }

    /// Something is due at this moment: the thread that sees to it may sleep for longer.
    fn wake_for(&self, line: MutexGuard<'_, Line>, at: Instant) {
        let oversleeps = line.sleeps_until.is_none_or(|until| at < until);
        drop(line);
        if oversleeps {
            self.due.notify_one();
        }
    }

    /// There was no room for it without the disk: it waits on as if nobody had looked.
    pub fn leave_to_readers(&self, need: &Need) {
        let mut line = self.line.lock();
        if let Some(stands) = line.needs.get_mut(&need.key) {
            stands.taken = false;
            line.round.at = None;
        }
        line.end_giving(&need.key);
        let all_free = line.readers_free > 0;
        drop(line);
        if all_free {
            self.changed.notify_one();
        }
    }

    /// It has what it waited for, and those before it who wait on for room are passed.
    pub fn serve(&self, need: &Need, gathered: Gathered) {
        let mut line = self.line.lock();
        line.end_serving(&need.key);
        line.turns.served(&need.key);
        let gone = line.remove(&need.key);
        let before = line.needs.range_mut(..need.key).filter(|(_, stands)| stands.wants_room());
        before.for_each(|(_, stands)| stands.passed += 1);
        if let Some(stands) = &gone {
            line.hold(&stands.need);
        }
        self.note_fewest(&line);
        match need.held_until.get() {
            Some(until) => self.wake_for(line, *until),
            None => drop(line),
        }
        drop(gone);
        need.give(gathered);
    }

    /// What comes is held for it until some time after it would have been refused.
    fn lapse(&self, need: &Arc<Need>) {
        let mut line = self.line.lock();
        need.lapses.store(true, Ordering::Relaxed);
        if !line.closed && !line.needs.contains_key(&need.key) {
            line.hold(need);
            self.wake_for(line, Instant::now());
        }
    }

    /// Those at which a thread is count as well: what is freed meanwhile is a change for them.
    fn note_fewest(&self, line: &Line) {
        let fewest = |lacking: &BTreeSet<(u64, Key)>| lacking.first().map_or(u64::MAX, |(lacks, _)| *lacks);
        self.fewest.store(fewest(&line.lacking), Ordering::Release);
        self.fewest_alone.store(fewest(&line.alone), Ordering::Release);
    }

    fn leave(&self, need: &Need) {
        let (gone, held) = {
            let mut line = self.line.lock();
            let held = need.held_until.get().and_then(|until| line.held.remove(&(*until, need.key)));
            let gone = line.remove(&need.key);
            // Who was kept from passing it may now.
            if gone.is_some() {
                line.changes += 1;
            }
            self.note_fewest(&line);
            (gone, held)
        };
        if gone.is_some() {
            self.changed.notify_one();
        }
        drop((gone, held));
    }
}

impl Line {
    /// Gives the time at which it is refused.
    fn insert(&mut self, need: Arc<Need>) -> Instant {
        let (key, lacks, until) = (need.key, need.bytes, Instant::now() + SPILL_PATIENCE);
        self.deadlines.insert((until, key));
        self.lacking.insert((lacks, key));
        if need.objects.is_empty() {
            self.alone.insert((lacks, key));
        }
        *self.owners.entry(need.owner).or_default() += 1;
        let stands = Stands { need, until, lacks, seen: 0, tried: 0, taken: false, has_room: false, passed: 0 };
        self.needs.insert(key, stands);
        // It may stand before those that were looked at already, which are not looked at again.
        self.round.at = None;
        until
    }

    /// False if it does not stand here, or is refused before.
    fn set_deadline(&mut self, key: &Key, until: Instant) -> bool {
        let Some(stands) = self.needs.get_mut(key).filter(|stands| until < stands.until) else { return false };
        self.deadlines.remove(&(stands.until, *key));
        self.deadlines.insert((until, *key));
        stands.until = until;
        true
    }

    /// Those who wait for it are looked at again; false if there are none.
    fn end_reading(&mut self, objects: &[ObjectId]) -> bool {
        let waiting: Vec<Key> = objects.iter().filter_map(|object| self.reading.remove(object)).flatten().collect();
        for key in &waiting {
            if let Some(stands) = self.needs.get_mut(key) {
                stands.seen = 0;
                self.round.at = None;
            }
        }
        !waiting.is_empty()
    }

    fn remove(&mut self, key: &Key) -> Option<Stands> {
        let stands = self.needs.remove(key)?;
        if let Entry::Occupied(mut owner) = self.owners.entry(stands.need.owner) {
            *owner.get_mut() -= 1;
            if *owner.get() == 0 {
                owner.remove();
            }
        }
        self.turns.leave(key, stands.need.owner);
        self.end_giving(key);
        for waiting in self.reading.values_mut() {
            waiting.remove(key);
        }
        self.deadlines.remove(&(stands.until, *key));
        self.lacking.remove(&(stands.lacks, *key));
        self.alone.remove(&(stands.need.bytes, *key));
        self.stop_keeping(key);
        Some(stands)
    }

    /// Nothing is kept for it any more: those that were not to pass it may. False if nothing was.
    fn stop_keeping(&mut self, key: &Key) -> bool {
        let before = self.round.kept_for.len();
        self.round.kept_for.retain(|kept| kept.key != *key);
        let kept = self.round.kept_for.len() < before;
        if kept {
            self.round.at = None;
        }
        kept
    }

    /// The thread that read for it, or looked for room, has come to an end with that.
    fn end_serving(&mut self, key: &Key) {
        self.served_now.retain(|(served, _)| served != key);
    }

    /// No thread is at it any more: those that were left alone for it are looked at.
    fn end_giving(&mut self, key: &Key) {
        let before = self.giving.len();
        self.giving.retain(|giving| giving.key != *key);
        if self.giving.len() < before {
            self.round.at = None;
        }
    }

    /// Gives the time at which it is refused, if it stands here.
    fn put_back(&mut self, need: &Need, lacks: u64, seen: u64) -> Option<Instant> {
        let Need { key, owner, .. } = *need;
        self.end_giving(&key);
        let stands = self.needs.get_mut(&key)?;
        self.lacking.remove(&(stands.lacks, key));
        self.lacking.insert((lacks, key));
        (stands.lacks, stands.taken, stands.seen) = (lacks, false, seen);
        if seen < self.changes {
            // This round may be past it already.
            self.round.at = None;
        }
        if stands.passed >= GATHERED_PAST_MAX && self.round.change == seen {
            self.round.kept_for.retain(|kept| kept.key != key);
            self.round.kept_for.push(Kept { key, owner, lacks });
        }
        Some(stands.until)
    }

    /// The first that may be served, and was not looked at since something changed. One whose owner has a thread already stands back
    /// behind those of its priority whose owners have none.
    fn first(&mut self, limit: u64) -> Option<Arc<Need>> {
        if self.round.change != self.changes {
            let share = limit / (self.owners.len().max(1) as u64);
            self.round = Round { change: self.changes, at: None, kept_for: Vec::new(), share };
        }
        let now = Instant::now();
        let key = self.first_in_round(now)?;
        let stands = self.needs.get_mut(&key)?;
        stands.taken = true;
        if stands.need.objects.is_empty() {
            self.giving.push(Giving::new(stands, now));
        }
        self.served_now.push((key, stands.need.owner));
        Some(stands.need.clone())
    }

    fn first_in_round(&mut self, now: Instant) -> Option<Key> {
        let Line { needs, round, giving, served_now, owners, .. } = self;
        let Round { change, at, kept_for, share } = round;
        let rest = (at.map_or(Unbounded, Excluded), Unbounded);
        let has_thread = |owner: u64| owners.len() > 1 && served_now.iter().any(|(_, served)| *served == owner);
        // One that stands back, and how many were looked at for its sake.
        let (mut back, mut looked_at): (Option<Key>, usize) = (None, 0);
        for (key, stands) in needs.range(rest) {
            match back {
                None => *at = Some(*key),
                Some(back) if back.0 != key.0 || looked_at >= LOOKAHEAD => break,
                Some(_) => looked_at += 1,
            }
            let owner = stands.need.owner;
            let keeps = |kept: &Kept| kept.key < *key && (kept.owner == owner || kept.lacks <= *share);
            let kept = kept_for.iter().any(keeps);
            let alone = stands.need.objects.is_empty();
            let is_after = alone && giving.iter().any(|one| one.is_before(stands.lacks, now));
            let turn = !stands.taken && !kept && !is_after && stands.seen < *change;
            let is_due = stands.passed >= GATHERED_PAST_MAX && !stands.has_room && kept_for.len() < LOOKAHEAD;
            if is_due && !kept_for.iter().any(|kept| kept.key == *key) {
                // Also while a thread is at it, which may not find room.
                kept_for.push(Kept { key: *key, owner, lacks: stands.lacks });
            }
            if turn && !has_thread(owner) {
                return Some(*key);
            }
            if turn && back.is_none() {
                back = Some(*key);
                // Whoever is looked at instead: this one is not behind the round.
                *at = needs.range(..*key).next_back().map(|(before, _)| *before);
            }
        }
        back
    }

    /// The first of those that need room alone which was not tried since something changed, while nobody else looks: where the threads
    /// that read are free they see to it, and to those before it.
    fn first_for_room(&mut self, now: Instant) -> Option<Arc<Need>> {
        if self.readers_free > 0 {
            return None;
        }
        let Line { needs, changes, round, giving, .. } = self;
        let mut kept_for: Vec<(u64, u64)> = Vec::new();
        let mut looked_at = 0;
        for stands in needs.values_mut() {
            // Those that wait for a disk as well are no part of it: it may not answer.
            if stands.need.objects.is_empty() {
                looked_at += 1;
            }
            if looked_at > LOOKAHEAD {
                break;
            }
            let owner = stands.need.owner;
            let is_kept = kept_for.iter().any(|(of, lacks)| *of == owner || *lacks <= round.share);
            let is_after = giving.iter().any(|one| one.is_before(stands.lacks, now));
            let turn = !stands.taken && !is_kept && !is_after && stands.tried < *changes;
            if turn && stands.need.objects.is_empty() {
                (stands.taken, stands.tried) = (true, *changes);
                giving.push(Giving::new(stands, now));
                return Some(stands.need.clone());
            }
            if stands.passed >= GATHERED_PAST_MAX && !stands.has_room {
                kept_for.push((owner, stands.lacks));
            }
        }
        None
    }

    /// When somebody has waited, or was waited for, too long.
    fn is_due_at(&self) -> Option<Instant> {
        let waits = |key: &Key| self.needs.get(key).is_some_and(|stands| !stands.taken);
        let late = self.deadlines.iter().find(|(_, key)| waits(key)).map(|(until, _)| *until);
        let lapses = self.held.first_key_value().map(|((until, _), _)| *until);
        late.into_iter().chain(lapses).min()
    }

    fn take_late(&mut self, now: Instant) -> Vec<Arc<Need>> {
        let late = self.deadlines.iter().take_while(|(until, _)| *until <= now).map(|(_, key)| *key);
        let late: Vec<_> = late.filter(|key| self.needs.get(key).is_some_and(|stands| !stands.taken)).collect();
        let late: Vec<_> = late.iter().filter_map(|key| self.remove(key)).map(|stands| stands.need).collect();
        late.iter().for_each(|need| self.hold(need));
        late
    }

    /// Where it is one that lapses, and still there.
    fn hold(&mut self, need: &Arc<Need>) {
        if need.lapses.load(Ordering::Relaxed) && !need.is_gone() {
            let until = need.held_until.get_or_init(|| Instant::now() + HELD_MAX);
            self.held.insert((*until, need.key), need.clone());
        }
    }

    fn take_lapsed(&mut self, now: Instant) -> Vec<Arc<Need>> {
        let mut lapsed = Vec::new();
        while let Some(held) = self.held.first_entry().filter(|held| held.key().0 <= now) {
            lapsed.push(held.remove());
        }
        lapsed
    }

    /// When to look at all again, where somebody waits.
    fn wakes_at(&mut self, now: Instant) -> Option<Instant> {
        let waits = self.needs.values().any(|stands| !stands.taken);
        waits.then(|| *self.look_at.get_or_insert(now + SPILL_RETRY))
    }
}

impl Need {
    fn new(objects: Vec<ObjectRef>, bytes: u64, claimant: Claimant, key: Key) -> Self {
        Need {
            objects: objects.into(),
            bytes,
            key,
            owner: claimant.owner,
            new: AtomicBool::new(true),
            why: Mutex::new(None),
            lapses: AtomicBool::new(false),
            held_until: OnceLock::new(),
            gone: AtomicBool::new(false),
            gathered: sync::Mutex::new(None),
            waker: AtomicWaker::new(),
        }
    }

    /// Nobody took what came, a value or a refusal: the value may go to disk again.
    pub fn let_go(&self) {
        let nothing = || Gathered { outcomes: vec![None; self.objects.len()], room: Ok(None) };
        let left = self.gathered.lock().as_mut().map(|gathered| std::mem::replace(gathered, nothing()));
        drop(left);
    }

    /// Is there nobody any more who waits for it?
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Is it looked at for the first time? Asked once.
    pub fn is_new(&self) -> bool {
        self.new.swap(false, Ordering::Relaxed)
    }

    /// The objects as they are, those that are in memory held.
    pub fn outcomes(&self) -> Vec<Option<Outcome>> {
        self.objects.iter().map(ObjectRef::outcome).collect()
    }

    /// Why there was no room when it was looked at last.
    pub fn note(&self, why: Arc<TaskError>) {
        let before = self.why.lock().replace(why);
        drop(before);
    }

    /// It has waited for too long.
    pub fn refuse_late(&self) {
        self.refuse(&self.why());
    }

    /// Why it is not to be had, as far as that is known.
    fn why(&self) -> Arc<TaskError> {
        let why = self.why.lock().clone();
        why.unwrap_or_else(|| Arc::new(too_late()))
    }

    /// It is not to be had.
    pub fn refuse(&self, why: &Arc<TaskError>) {
        let refused = |object: &ObjectRef| object.outcome().or_else(|| object.is_ready().then(|| Err(why.clone())));
        let outcomes = self.objects.iter().map(refused).collect();
        let room = if self.bytes > 0 { Err(why.clone()) } else { Ok(None) };
        self.give(Gathered { outcomes, room });
    }

    fn give(&self, gathered: Gathered) {
        let before = self.gathered.lock().replace(gathered);
        drop(before);
        // An embedder's executor, whose panic is its own.
        let _ = caught(|| self.waker.wake());
        if self.is_gone() {
            let left = self.gathered.lock().take();
            drop(left);
        }
    }
}

impl Gathering {
    /// One that is not to be had, for this reason.
    pub fn refused(objects: Vec<ObjectRef>, bytes: u64, why: &Arc<TaskError>) -> Self {
        let need = Arc::new(Need::new(objects, bytes, Claimant::default(), Key::default()));
        need.refuse(why);
        Gathering { need, line: Weak::new() }
    }

    /// The same for one who goes on meanwhile, and takes it later: who has not taken what came, or why it did not, [`HELD_MAX`] later
    /// asks anew.
    pub fn lapsing(self) -> Self {
        if let Some(line) = self.line.upgrade() {
            line.lapse(&self.need);
        }
        self
    }

    /// It is refused at this time, and not [`SPILL_PATIENCE`] after it was asked for.
    pub fn refused_at(self, until: Instant) -> Self {
        if let Some(line) = self.line.upgrade() {
            line.refuse_at(&self.need, until);
        }
        self
    }

    /// Where it is not to be had this is why, unless another reason is known.
    pub fn unless(self, why: Arc<TaskError>) -> Self {
        self.need.why.lock().get_or_insert(why);
        self
    }

    /// Why it is not to be had, as far as that is known.
    pub fn why(&self) -> Arc<TaskError> {
        self.need.why()
    }

    /// The room, of one that came to its end and asked for nothing else.
    ///
    /// # Errors
    /// There was none.
    pub fn take_room(&self) -> TaskResult<Reservation> {
        match self.take().map(|gathered| gathered.room) {
            Some(Ok(Some(room))) => Ok(room),
            Some(Err(why)) => Err(why),
            Some(Ok(None)) | None => Err(self.why()),
        }
    }

    /// Waits for its end on this thread.
    pub fn wait_here(&self) {
        let waker = Waker::from(Arc::new(Here(thread::current())));
        while self.poll_done(&mut Context::from_waker(&waker)).is_pending() {
            thread::park();
        }
    }

    /// Has it come to its end?
    pub fn is_done(&self) -> bool {
        self.need.gathered.lock().is_some()
    }

    /// What was asked for, once it is there.
    pub fn take(&self) -> Option<Gathered> {
        self.need.gathered.lock().take()
    }

    /// Ready when it is there; it stays there until it is [taken](Self::take).
    pub fn poll_done(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.need.waker.register(cx.waker());
        if self.is_done() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Future for &Gathering {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_done(cx)
    }
}

/// A thread that waits.
struct Here(Thread);

impl Wake for Here {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl Drop for Gathering {
    fn drop(&mut self) {
        self.need.gone.store(true, Ordering::Release);
        if let Some(line) = self.line.upgrade() {
            line.leave(&self.need);
        }
        let left = self.need.gathered.lock().take();
        drop(left);
    }
}

/// Is this why something that was waited for is not to be had: that there was no room?
pub fn is_want_of_room(error: &TaskError) -> bool {
    matches!(error.kind, ErrorKind::ObjectStoreFull | ErrorKind::OutOfDisk)
}

fn too_late() -> TaskError {
    let text = format!(
        "what was spilled could not be read back within {} s: others kept the disk busy",
        SPILL_PATIENCE.as_secs()
    );
    TaskError::new(ErrorKind::ObjectStoreFull, text)
}

fn shut_down() -> TaskError {
    TaskError::new(ErrorKind::HostShutDown, "the host shut down")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::object::payload::{Encoding, Payload};
    use crate::state::object::store::ObjectStore;

    const LIMIT: u64 = 1000;

    fn line() -> (Arc<ObjectStore>, Arc<Gatherings>) {
        let store = ObjectStore::new(LIMIT);
        let line = store.gatherings().clone();
        (store, line)
    }

    fn of(owner: u64, priority: i32) -> Claimant {
        Claimant { priority, owner }
    }

    /// Whose turn it is, and after which change.
    fn turn(line: &Gatherings) -> (Arc<Need>, u64) {
        match line.next(LIMIT) {
            Some(Errand::Gather(need, change)) => (need, change),
            _ => panic!("nobody has a turn"),
        }
    }

    /// Something to wait for that is not room alone.
    fn line_object() -> ObjectRef {
        ObjectStore::new(LIMIT).promise()
    }

    fn serve(line: &Gatherings, need: &Need) {
        line.serve(need, Gathered { outcomes: Vec::new(), room: Ok(None) });
    }

    /// How many bytes those asked for whose turn it is, one after the other, none of whom finds room.
    fn round(line: &Gatherings, count: usize) -> Vec<u64> {
        let turns = (0..count).map(|_| {
            let (need, change) = turn(line);
            line.put_back(&need, need.bytes, change);
            need.bytes
        });
        turns.collect()
    }

    #[test]
    fn the_line_is_gone_through_by_priority_and_then_in_its_order() {
        let (_store, line) = line();
        let asked =
            [(1, 0), (2, 5), (3, 0), (4, 5)].map(|(bytes, priority)| line.join(Vec::new(), bytes, of(1, priority)));
        assert_eq!(round(&line, 4), [2, 4, 1, 3]);
        // Nothing has changed: who comes now is looked at alone.
        let later = line.join(Vec::new(), 9, of(1, 9));
        assert_eq!(round(&line, 1), [9]);
        line.freed(0, LIMIT);
        assert_eq!(round(&line, 5), [9, 2, 4, 1, 3]);
        drop((asked, later));
    }

    #[test]
    fn of_one_priority_the_owners_take_turns() {
        let (_store, line) = line();
        let many = [1, 2, 3, 4, 5].map(|bytes| line.join(Vec::new(), bytes, of(1, 0)));
        let serve_next = || {
            let (need, _) = turn(&line);
            serve(&line, &need);
            need.bytes
        };
        assert_eq!([serve_next(), serve_next()], [1, 2]);
        let others = [(2, 20), (3, 30), (2, 21)].map(|(owner, bytes)| line.join(Vec::new(), bytes, of(owner, 0)));
        assert_eq!([(); 6].map(|()| serve_next()), [3, 20, 30, 4, 21, 5]);
        drop((many, others));
    }

    #[test]
    fn the_threads_do_not_all_read_for_one_owner_where_another_waits() {
        let (_store, line) = line();
        let join = |owner: u64, bytes: u64| line.join(vec![line_object()], bytes, of(owner, 0));
        let large = [1, 2, 3].map(|bytes| join(1, bytes));
        let (first, _) = turn(&line);
        let second = turn(&line).0;
        assert_eq!([first.bytes, second.bytes], [1, 2], "there is nobody else");
        serve(&line, &second);
        // As long as one thread reads for the first owner the other one is the second's, whoever came before.
        for bytes in 10..20 {
            let other = join(2, bytes);
            let (need, _) = turn(&line);
            assert_eq!(need.bytes, bytes);
            serve(&line, &need);
            assert!(other.is_done());
        }
        // Then it is the first's again, who has only waited for a turn and whom nobody has passed.
        let other = join(2, 20);
        serve(&line, &first);
        assert!(line.line.lock().needs.values().all(|stands| stands.passed == 0));
        assert_eq!([turn(&line).0.bytes, turn(&line).0.bytes], [3, 20]);
        drop((large, other));
    }

    #[test]
    fn who_stands_back_is_looked_at_where_no_other_fits_and_of_a_higher_priority_nobody_does() {
        let (_store, line) = line();
        let urgent = [1, 2].map(|bytes| line.join(vec![line_object()], bytes, of(1, 5)));
        let other = line.join(vec![line_object()], 10, of(2, 0));
        assert_eq!([turn(&line).0.bytes, turn(&line).0.bytes], [1, 2], "the higher priority comes first");
        let (need, change) = turn(&line);
        line.put_back(&need, need.bytes, change);
        let more = line.join(vec![line_object()], 3, of(1, 0));
        assert_eq!(turn(&line).0.bytes, 3, "the other one has no room");
        drop((urgent, other, more));
    }

    #[test]
    fn nothing_is_kept_for_one_that_is_read() {
        let (_store, line) = line();
        let first = line.join(vec![line_object()], 400, of(1, 0));
        assert_eq!(round(&line, 1), [400]);
        line.line.lock().needs.values_mut().for_each(|stands| stands.passed = GATHERED_PAST_MAX);
        line.freed(0, LIMIT);
        let (need, _) = turn(&line);
        let other = line.join(vec![line_object()], 10, of(2, 0));
        assert!(line.line.lock().first(LIMIT).is_none(), "it may not have found room");
        line.have_room(&need);
        assert_eq!(turn(&line).0.bytes, 10);
        drop((first, other));
    }

    #[test]
    fn one_is_passed_so_often_and_then_what_is_freed_is_kept_for_it() {
        let (_store, line) = line();
        let first = line.join(Vec::new(), 400, of(1, 0));
        for _ in 0..GATHERED_PAST_MAX {
            let second = line.join(Vec::new(), 10, of(1, 0));
            line.freed(0, LIMIT);
            assert_eq!(round(&line, 1), [400]);
            serve(&line, &turn(&line).0);
            assert!(second.is_done());
        }
        let (own, other) = (line.join(Vec::new(), 10, of(1, 0)), line.join(Vec::new(), 20, of(2, 0)));
        line.freed(0, LIMIT);
        // An equal share of two is 500.
        assert_eq!(round(&line, 1), [400]);
        assert!(line.line.lock().first(LIMIT).is_none());
        // One that asks for more than its owner's share holds up nobody else.
        line.freed(0, LIMIT);
        let (need, change) = turn(&line);
        line.put_back(&need, 600, change);
        assert_eq!(turn(&line).0.bytes, 20);
        // When it goes its own come.
        drop(first);
        assert_eq!(round(&line, 1), [10]);
        drop((own, other));
    }

    #[test]
    fn what_is_freed_is_kept_for_one_also_while_a_thread_is_at_it() {
        let (_store, line) = line();
        let first = line.join(Vec::new(), 400, of(1, 0));
        assert_eq!(round(&line, 1), [400]);
        line.line.lock().needs.values_mut().for_each(|stands| stands.passed = GATHERED_PAST_MAX);
        let later = line.join(Vec::new(), 10, of(1, 0));
        line.freed(0, LIMIT);
        let (need, change) = turn(&line);
        assert!(need.bytes == 400 && line.line.lock().first(LIMIT).is_none());
        line.put_back(&need, 400, change);
        assert!(line.line.lock().first(LIMIT).is_none());
        line.freed(0, LIMIT);
        serve(&line, &turn(&line).0);
        assert_eq!(turn(&line).0.bytes, 10, "nothing is kept for who has it");
        drop((first, later));
    }

    #[test]
    fn where_all_that_read_are_busy_room_is_given_to_who_needs_nothing_else() {
        let (_store, line) = line();
        let cold = [line.join(Vec::new(), 400, of(1, 0)), line.join(Vec::new(), 10, of(1, 0))];
        let given = |line: &Gatherings| line.line.lock().first_for_room(Instant::now()).map(|need| need.bytes);
        line.line.lock().readers_free = 1;
        assert_eq!(given(&line), None, "they see to it");
        line.line.lock().readers_free = 0;
        assert_eq!([given(&line), given(&line), given(&line)], [Some(400), Some(10), None]);
        // Who finds no room is left as it was, and is tried again after a change.
        let needs: Vec<_> = line.line.lock().needs.values().map(|stands| stands.need.clone()).collect();
        needs.iter().for_each(|need| line.leave_to_readers(need));
        assert_eq!(given(&line), None);
        line.line.lock().needs.values_mut().for_each(|stands| stands.passed = GATHERED_PAST_MAX);
        line.freed(0, LIMIT);
        assert_eq!([given(&line), given(&line)], [Some(400), None], "the rest is kept for the first");
        line.leave_to_readers(&needs[0]);
        assert_eq!(round(&line, 1), [400]);
        drop(cold);
    }

    /// Whichever thread looks for room for the one, what it frees is not the other's.
    #[test]
    fn of_two_who_need_as_much_the_second_has_nothing_before_the_first() {
        let (_store, line) = line();
        let both = [line.join(Vec::new(), 400, of(1, 0)), line.join(Vec::new(), 400, of(2, 0))];
        let given = |now: Instant| line.line.lock().first_for_room(now).map(|need| need.key.2);
        let (first, change) = turn(&line);
        line.freed(0, LIMIT);
        assert_eq!(given(Instant::now()), None, "a thread that reads makes room for the first");
        line.put_back(&first, 400, change);
        assert_eq!(given(Instant::now()), Some(first.key.2));
        line.freed(0, LIMIT);
        assert!(line.line.lock().first(LIMIT).is_none(), "the thread that touches no disk is at the first");
        line.leave_to_readers(&first);
        let (again, _) = turn(&line);
        assert_eq!(again.key, first.key);
        // A disk that does not answer keeps nobody for longer than he would wait.
        assert_eq!(given(Instant::now() + ROOM_PATIENCE), Some(first.key.2 + 1));
        drop(both);
    }

    #[test]
    fn who_was_looked_at_while_the_other_thread_slept_is_refused_in_time() {
        let (_store, line) = line();
        let waits = line.join(Vec::new(), 400, of(1, 0));
        let (need, change) = turn(&line);
        let handle = std::thread::spawn({
            let line = line.clone();
            move || line.next_duty()
        });
        // It sleeps with nothing to do, as far as it can see: one has its turn.
        while line.line.lock().sleeps_until.is_some() {
            std::thread::yield_now();
        }
        line.line.lock().deadlines = BTreeSet::from([(Instant::now(), need.key)]);
        line.line.lock().readers_free = 1;
        line.put_back(&need, 400, change);
        assert!(matches!(handle.join().unwrap(), Some(Duty::Refuse(late)) if late.len() == 1));
        drop(waits);
    }

    #[test]
    fn who_waits_for_the_end_of_a_reading_is_looked_at_again_also_where_nothing_was_read() {
        let (store, line) = line();
        let object = store.promise();
        let both = [1, 2].map(|bytes| line.join(vec![object.clone()], bytes, of(1, 0)));
        let ((first, change), (second, _)) = (turn(&line), turn(&line));
        let read = [ObjectId(1), ObjectId(2)];
        let looked_at = || line.line.lock().first(LIMIT).map(|need| need.bytes);
        assert!(line.begin_to_read(&first, &read, 1, change));
        assert!(!line.begin_to_read(&second, &read[1..], 2, change));
        assert_eq!(looked_at(), None, "that has not ended");
        line.put_back(&first, 1, change);
        line.forget_reading(&read);
        // Nothing has changed for the other one.
        assert_eq!([looked_at(), looked_at()], [Some(2), None]);
        assert!(line.begin_to_read(&second, &read[1..], 2, change));
        drop(both);
    }

    #[test]
    fn room_is_made_for_one_at_a_time_but_for_who_lacks_less() {
        let (_store, line) = line();
        let asked = [40, 50, 10].map(|bytes| line.join(Vec::new(), bytes, of(1, 0)));
        let looked_at = || line.line.lock().first(LIMIT).map(|need| need.bytes);
        let (first, change) = turn(&line);
        assert_eq!((first.bytes, looked_at(), looked_at()), (40, Some(10), None));
        // Whatever came of it, the next one has its turn.
        line.put_back(&first, 40, change);
        assert_eq!(looked_at(), None, "who lacks less comes first");
        let [_first, second, third] = asked;
        drop(third);
        assert_eq!(looked_at(), Some(40));
        drop(second);
        assert_eq!(looked_at(), None);
    }

    #[test]
    fn nobody_takes_room_before_who_waits_for_as_little_of_it() {
        let (store, line) = line();
        assert!(line.lets_pass(LIMIT));
        let reads = line.join(vec![store.promise()], 1, of(1, 0));
        assert!(line.lets_pass(LIMIT), "what is read back is no room that somebody could take");
        let waits = line.join(Vec::new(), 100, of(1, 0));
        assert_eq!([99, 100, LIMIT].map(|bytes| line.lets_pass(bytes)), [true, false, false]);
        let closed = line.join(Vec::new(), 50, of(1, 0));
        assert!(!line.lets_pass(50));
        drop(closed);
        assert!(line.lets_pass(50));
        line.close();
        assert!(line.lets_pass(LIMIT));
        drop((reads, waits));
    }

    #[test]
    fn one_thread_at_a_time_makes_the_store_emptier() {
        let (_store, line) = line();
        line.evict_soon();
        assert!(matches!(line.next(LIMIT), Some(Errand::Evict)));
        line.evict_soon();
        let waits = line.join(Vec::new(), 1, of(1, 0));
        assert_eq!(round(&line, 1), [1], "the other one gathers");
        line.have_evicted(Duration::ZERO);
        assert!(matches!(line.next(LIMIT), Some(Errand::Evict)));
        // Nothing could be spilled: there is a pause, whoever asks.
        line.evict_soon();
        line.have_evicted(Duration::from_secs(3600));
        line.evict_soon();
        line.freed(0, LIMIT);
        assert_eq!(round(&line, 1), [1]);
        drop(waits);
    }

    #[test]
    fn who_goes_leaves_the_line_and_who_is_there_at_the_end_hears_of_it() {
        let (store, line) = line();
        let (goes, stays) = (line.join(Vec::new(), 1, of(1, 0)), line.join(Vec::new(), 2, of(1, 0)));
        drop(goes);
        assert_eq!(round(&line, 1), [2]);
        line.close();
        let refused = stays.take().expect("it hears").room.expect_err("nothing comes");
        assert_eq!(refused.kind, ErrorKind::HostShutDown);
        assert!(line.next(LIMIT).is_none() && line.join(Vec::new(), 1, of(1, 0)).is_done());
        // What is in memory needs nobody.
        let object = store.sealed(store.store(Payload::new(Encoding::Raw, "here")));
        let here = line.join(vec![object], 0, of(1, 0)).take().expect("at once");
        assert!(matches!(&here.outcomes[..], [Some(Ok(_))]));
    }

    #[test]
    fn what_nobody_takes_is_let_go_of_after_a_while() {
        let (store, line) = line();
        let late = || Instant::now() + HELD_MAX;
        let lapse = || {
            let lapsed = line.line.lock().take_lapsed(late());
            lapsed.iter().map(|need| need.let_go()).count()
        };
        let holds = |gathering: &Gathering| {
            let room = store.reserve_free(100).unwrap();
            line.serve(&turn(&line).0, Gathered { outcomes: Vec::new(), room: Ok(Some(room)) });
            (gathering.is_done(), store.used_bytes())
        };
        let join = || line.join(Vec::new(), 100, of(1, 0));
        // It says so before it has come, or after.
        let before = join().lapsing();
        assert_eq!(holds(&before), (true, 100));
        assert!(line.line.lock().take_lapsed(Instant::now() + HELD_MAX / 2).is_empty());
        let after = join();
        assert_eq!(holds(&after), (true, 200));
        let after = after.lapsing();
        assert_eq!((lapse(), store.used_bytes()), (2, 0));
        assert!([before, after].iter().all(|gathering| gathering.is_done() && gathering.take().is_some()));
        // Who is gone, or never lapses, is not held.
        let gone = join().lapsing();
        let (need, _) = turn(&line);
        drop(gone);
        serve(&line, &need);
        let stays = join();
        assert_eq!(holds(&stays), (true, 100));
        let left = join().lapsing();
        assert_eq!(holds(&left), (true, 200));
        drop(left);
        assert_eq!((lapse(), store.used_bytes()), (0, 100));
        // A refusal is not kept either.
        let refused = join().lapsing();
        let late = line.line.lock().take_late(Instant::now() + SPILL_PATIENCE);
        late.iter().for_each(|need| need.refuse_late());
        assert_eq!((late.len(), lapse()), (1, 1));
        assert!(refused.take().is_some_and(|gathered| gathered.room.is_ok()));
    }

    #[test]
    fn what_comes_for_somebody_who_is_gone_is_let_go_of() {
        let (store, line) = line();
        let gathering = line.join(Vec::new(), 100, of(1, 0));
        let (need, _) = turn(&line);
        drop(gathering);
        let room = store.reserve_free(100).unwrap();
        line.serve(&need, Gathered { outcomes: Vec::new(), room: Ok(Some(room)) });
        assert_eq!((store.used_bytes(), need.is_gone()), (0, true));
    }
}
