//! The calls that wait in one lane of a mailbox: a line for each submitter.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use crate::state::task::TaskRecord;
use crate::types::ids::{ActorId, TaskId};

/// Who makes calls, and has them served in the order in which it made them: the embedder, a task, or an actor, whichever of its methods it
/// is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Submitter(u64);

impl Submitter {
    /// The program that the host is a part of.
    pub const EMBEDDER: Submitter = Submitter(0);

    /// A task. In one word with the actors, because each call keeps it.
    pub fn task(id: TaskId) -> Self {
        Submitter(id.0 << 1)
    }

    /// An actor.
    pub fn actor(id: ActorId) -> Self {
        Submitter((id.0 << 1) | 1)
    }
}

/// Calls in lines. The first of a line is served when it has its arguments and no rest to wait for, and holds up the others of its line
/// until then; the first ones of several lines are served in the order in which they came.
pub struct Lane {
    /// Has each submitter a line? Where several are served at once each call is one of its own.
    ordered: bool,
    /// Trees, as no step may be long: a table of a million moves all of them when it grows.
    lines: BTreeMap<Submitter, Line>,
    /// Those whose first call can be served, by its place.
    open: BTreeMap<i64, Submitter>,
    len: usize,
    /// The places of the next call that comes, and of the next that is put before all others.
    ends: (i64, i64),
}

struct Line {
    first: Place,
    /// Behind it. Most lines have none, and nothing of their own for it.
    #[expect(
        clippy::box_collection,
        reason = "a pointer, and not the four words of a list, for each of a million lines of one call"
    )]
    more: Option<Box<VecDeque<Place>>>,
    is_open: bool,
}

struct Place {
    /// Among all that came to the lane.
    number: i64,
    call: Arc<TaskRecord>,
}

/// Calls that were ended while they stood here. They are dropped where nobody holds a lock.
pub type Gone = Vec<Arc<TaskRecord>>;

/// Room for calls that a line keeps however few there are.
const LINE_KEPT: usize = 4;

/// What a call takes here that has a line of its own. Nodes of a tree are half full at least.
#[cfg(test)]
pub const PLACE_BYTES: u64 = 2 * (size_of::<(Submitter, Line)>() + size_of::<(i64, Submitter)>()) as u64;

impl Lane {
    /// A lane from which so many are served at once.
    pub fn new(capacity: u32) -> Self {
        Lane { ordered: capacity <= 1, lines: BTreeMap::new(), open: BTreeMap::new(), len: 0, ends: (0, -1) }
    }

    /// How many calls stand here, with those that were ended.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Does none?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whose line a call is in.
    fn line(&self, call: &TaskRecord, submitter: Submitter) -> Submitter {
        if self.ordered { submitter } else { Submitter::task(call.spec.id) }
    }

    /// Puts a call at the end.
    pub fn push(&mut self, call: Arc<TaskRecord>, submitter: Submitter, gone: &mut Gone) {
        let number = self.ends.0;
        self.ends.0 += 1;
        let key = self.line(&call, submitter);
        let place = Place { number, call };
        self.len += 1;
        match self.lines.entry(key) {
            Entry::Occupied(mut line) => line.get_mut().more.get_or_insert_default().push_back(place),
            Entry::Vacant(none) => {
                none.insert(Line::of(place));
                self.look(key, gone);
            }
        }
    }

    /// Puts a call before all others.
    pub fn push_first(&mut self, call: Arc<TaskRecord>, submitter: Submitter, gone: &mut Gone) {
        let number = self.ends.1;
        self.ends.1 -= 1;
        let key = self.line(&call, submitter);
        let place = Place { number, call };
        self.len += 1;
        match self.lines.entry(key) {
            Entry::Occupied(mut line) => {
                let line = line.get_mut();
                if std::mem::take(&mut line.is_open) {
                    self.open.remove(&line.first.number);
                }
                let second = std::mem::replace(&mut line.first, place);
                line.more.get_or_insert_default().push_front(second);
            }
            Entry::Vacant(none) => drop(none.insert(Line::of(place))),
        }
        self.look(key, gone);
    }

    /// A call has its arguments now, has rested, or was ended: it may be the first of its line.
    pub fn changed(&mut self, call: &TaskRecord, submitter: Submitter, gone: &mut Gone) {
        self.look(self.line(call, submitter), gone);
    }

    /// The call that is served next, if any can be.
    pub fn next(&mut self, gone: &mut Gone) -> Option<Arc<TaskRecord>> {
        loop {
            let (_, key) = self.open.pop_first()?;
            let call = self.pop(key)?;
            self.look(key, gone);
            if !call.is_done() {
                return Some(call);
            }
            gone.push(call);
        }
    }

    /// Takes those out that were ended.
    pub fn sweep(&mut self, gone: &mut Gone) {
        let lines: Vec<_> = self.lines.keys().copied().collect();
        for key in lines {
            if let Some(more) = self.lines.get_mut(&key).and_then(|line| line.more.as_deref_mut()) {
                let (over, waiting): (VecDeque<_>, _) =
                    std::mem::take(more).into_iter().partition(|place| place.call.is_done());
                *more = waiting;
                self.len -= over.len();
                gone.extend(over.into_iter().map(|place| place.call));
            }
            self.look(key, gone);
        }
    }

    /// All of them, line by line: their numbers in the order in which they came, and whose lines they are in.
    pub fn waiting(&self) -> impl Iterator<Item = (i64, Submitter, Arc<TaskRecord>)> {
        let places = self.lines.iter().flat_map(|(key, line)| line.places().map(|place| (*key, place)));
        places.map(|(key, place)| (place.number, key, place.call.clone()))
    }

    /// Opens or closes a line, by what has become of its first call. Those that were ended are none.
    fn look(&mut self, key: Submitter, gone: &mut Gone) {
        while let Some(line) = self.lines.get_mut(&key) {
            if line.first.call.is_done() {
                gone.extend(self.pop(key));
                continue;
            }
            if !line.is_open && line.first.call.is_released() {
                line.is_open = true;
                self.open.insert(line.first.number, key);
            }
            return;
        }
    }

    /// Takes the first call out of a line, which is closed then.
    fn pop(&mut self, key: Submitter) -> Option<Arc<TaskRecord>> {
        let Entry::Occupied(mut entry) = self.lines.entry(key) else { return None };
        let line = entry.get_mut();
        if std::mem::take(&mut line.is_open) {
            self.open.remove(&line.first.number);
        }
        self.len -= 1;
        let first = match line.next() {
            Some(second) => std::mem::replace(&mut line.first, second),
            None => entry.remove().first,
        };
        Some(first.call)
    }
}

impl Line {
    fn of(first: Place) -> Self {
        Line { first, more: None, is_open: false }
    }

    fn places(&self) -> impl Iterator<Item = &Place> {
        std::iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    /// Takes the one behind the first.
    fn next(&mut self) -> Option<Place> {
        let more = self.more.as_deref_mut()?;
        let next = more.pop_front();
        // A line that was long once keeps no room for that.
        if more.capacity() > LINE_KEPT && more.len() < more.capacity() / 4 {
            more.shrink_to(more.len() * 2);
        }
        next
    }
}
