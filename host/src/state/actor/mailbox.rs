//! The calls that wait for one actor; in lanes, where methods are counted for themselves.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::lane::{Gone, Lane, Submitter};
use crate::state::task::TaskRecord;
use crate::types::error::{ErrorKind, TaskError};
use crate::types::sync::atomic::{AtomicU32, Ordering};
use crate::types::sync::{Mutex, rank};

/// What an actor has to do next.
#[derive(Debug)]
pub enum Event {
    /// Serve this call.
    Call(Arc<TaskRecord>),
    /// End, or start again.
    Kill {
        /// Start again, if it may.
        restart: bool,
    },
    /// Save the state: the host ends.
    Save,
    /// End, in order: it said so itself.
    Exit,
    /// Move to the version of the module that is there now.
    Move,
    /// Nobody holds a handle, and every call is served.
    Closed,
}

/// Somebody wants the actor to end.
#[derive(Clone, Copy)]
struct Kill {
    /// It starts again. One after which it does not holds for the next generation, too, if this one is over before it is seen.
    restart: bool,
}

/// A bounded queue with one reader, the actor's loop.
pub struct Mailbox {
    inner: Mutex<Inner, { rank::MAILBOX }>,
    /// How often the actor was started. Changes under the lock, by the reader alone.
    generation: AtomicU32,
    max: usize,
    /// How often it may start again.
    restarts: u32,
}

struct Inner {
    /// One for each concurrency group behind the first, which most actors have alone.
    lanes: Box<[Lane]>,
    /// How many of them were ended while they stood here, at most.
    ended: usize,
    kill: Option<Kill>,
    save: bool,
    exit: bool,
    moves: bool,
    /// Has the constructor of this generation run?
    serving: bool,
    /// Is the next start put off?
    put_off: bool,
    closing: bool,
    /// Has a kill been seen after which it does not start again?
    condemned: bool,
    dead: Option<Arc<TaskError>>,
    reader: Option<Waker>,
}

impl Mailbox {
    /// A mailbox for at most `max` calls, in lanes from each of which so many are served at once, one lane at least; of an actor that may
    /// start again so often.
    pub fn new(max: usize, lanes: &[u32], restarts: u32) -> Self {
        let lanes = if lanes.is_empty() { &[1] } else { lanes };
        let inner = Inner {
            lanes: lanes.iter().map(|capacity| Lane::new(*capacity)).collect(),
            ended: 0,
            kill: None,
            save: false,
            exit: false,
            moves: false,
            serving: false,
            put_off: false,
            closing: false,
            condemned: false,
            dead: None,
            reader: None,
        };
        Mailbox { inner: Mutex::new(inner), generation: AtomicU32::new(0), max, restarts }
    }

    /// Changes what the actor has to do, and wakes the reader where nobody holds the lock: it may want a thread at once, and asks the
    /// scheduler for it.
    fn tell<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let (result, reader) = {
            let mut inner = self.inner.lock();
            let result = change(&mut inner);
            (result, inner.reader.take())
        };
        reader.into_iter().for_each(Waker::wake);
        result
    }

    /// Puts a call at the end.
    ///
    /// # Errors
    /// `ActorDied` or `PendingCallsLimitExceeded`; the call is the caller's to settle.
    pub fn push(&self, call: Arc<TaskRecord>) -> Result<(), TaskError> {
        let (_gone, pushed) = self.tell(|inner| {
            if let Some(cause) = &inner.dead {
                let dead = TaskError::new(ErrorKind::ActorDied, "the actor is dead").caused_by(cause);
                return (Gone::new(), Err(dead));
            }
            let mut gone = if inner.len() >= self.max { inner.sweep(SWEPT_WHEN_FULL) } else { Gone::new() };
            if inner.len() >= self.max {
                let text = format!("{} calls wait for the actor already: await some of them first", self.max);
                return (gone, Err(TaskError::new(ErrorKind::PendingCallsLimitExceeded, text)));
            }
            // Cloned, as what is refused must not be dropped under the lock.
            inner.lane(&call).push(call.clone(), call.spec.submitter(), &mut gone);
            (gone, Ok(()))
        });
        pushed
    }

    /// Puts a call back that is to be served once more, before all others. Gives it back where the actor is dead.
    #[must_use = "somebody has to settle what is given back"]
    pub fn push_first(&self, call: Arc<TaskRecord>) -> Option<Arc<TaskRecord>> {
        let (_gone, refused) = self.tell(|inner| {
            let mut gone = Gone::new();
            if inner.dead.is_some() {
                return (gone, Some(call));
            }
            inner.lane(&call).push_first(call.clone(), call.spec.submitter(), &mut gone);
            (gone, None)
        });
        refused
    }

    /// A call has its arguments now, or has rested.
    pub fn released(&self, call: &TaskRecord) {
        let _gone = self.tell(|inner| inner.look(call));
    }

    /// A call was ended that stood here, or was refused: those behind it need not wait for what it waited for. Nothing is kept of it
    /// for long, whatever the actor does.
    pub fn call_ended(&self, call: &TaskRecord) {
        let _gone = self.tell(|inner| {
            inner.ended += 1;
            let mut gone = inner.look(call);
            gone.extend(inner.sweep(SWEPT_WHEN_ENDED));
            gone
        });
    }

    /// The calls that wait, lane by lane and in their order in each, and whose line they are in there; `None` if they are more than `max`.
    pub fn waiting(&self, max: usize) -> Option<Vec<(Submitter, Arc<TaskRecord>)>> {
        let inner = self.inner.lock();
        if inner.lanes.iter().map(Lane::len).sum::<usize>() > max {
            return None;
        }
        let waiting = waiting(&inner.lanes);
        drop(inner);
        Some(in_order(waiting).collect())
    }

    /// No call will come any more.
    pub fn close(&self) {
        self.tell(|inner| inner.closing = true);
    }

    /// Has the actor end, or start again, before the next call. Gives the generation that is hit; none where it is not at
    /// the `generation` that is meant, or between two, or is to start again while it is starting or dead.
    pub fn kill(&self, restart: bool, generation: Option<u32>) -> Option<u32> {
        self.tell(|inner| {
            let now = self.generation();
            let lives = now > 0 && inner.dead.is_none() && !inner.put_off;
            let meant = generation.is_none_or(|meant| meant == now && lives);
            if !meant || (restart && !(inner.serving && inner.dead.is_none())) {
                return None;
            }
            let restart = restart && now <= self.restarts;
            // A kill for good is not weakened by one that would restart.
            let restart = inner.kill.map_or(restart, |other| other.restart && restart);
            inner.kill = Some(Kill { restart });
            Some(now)
        })
    }

    /// Has the actor save its state before the next call.
    pub fn save(&self) {
        self.tell(|inner| inner.save = true);
    }

    /// Has the actor end before the next call, because it said so itself.
    pub fn exit(&self) {
        self.tell(|inner| inner.exit = true);
    }

    /// Has the actor move before the next call.
    pub fn ask_to_move(&self) {
        self.tell(|inner| inner.moves = true);
    }

    /// Is a kill waiting to be seen?
    pub fn kill_pending(&self) -> bool {
        self.inner.lock().kill.is_some()
    }

    /// Is it dead, or sure to be, whatever it does until then?
    pub fn is_over(&self) -> bool {
        let inner = self.inner.lock();
        inner.dead.is_some() || inner.condemned || inner.kill.is_some_and(|kill| !kill.restart)
    }

    /// Is one waiting after which the actor would start again?
    pub fn restart_pending(&self) -> bool {
        self.inner.lock().kill.is_some_and(|kill| kill.restart)
    }

    /// The actor is started once more; gives how often that was. A kill that was to have it start again is forgotten.
    pub fn starts(&self) -> u32 {
        let mut inner = self.inner.lock();
        (inner.serving, inner.put_off) = (false, false);
        inner.exit = false;
        inner.kill = inner.kill.filter(|kill| !kill.restart);
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The actor starts later, as if it had not been started: its constructor had not begun. False where a kill is waiting to be seen,
    /// which is meant for this start.
    #[must_use = "one that is killed does not start"]
    pub fn puts_off(&self) -> bool {
        let mut inner = self.inner.lock();
        if inner.kill.is_some() {
            return false;
        }
        inner.put_off = true;
        self.generation.fetch_sub(1, Ordering::AcqRel);
        true
    }

    /// The constructor has run.
    pub fn serves(&self) {
        self.inner.lock().serving = true;
    }

    /// How often the actor was started.
    pub fn generation(&self) -> u32 {
        self.generation.load(Ordering::Acquire)
    }

    /// The actor is dead; gives the calls that nobody will serve. The first cause stays.
    pub fn die(&self, cause: Arc<TaskError>) -> Vec<Arc<TaskRecord>> {
        let mut inner = self.inner.lock();
        inner.dead.get_or_insert(cause);
        let lanes: Vec<_> = inner.lanes.iter_mut().map(|lane| std::mem::replace(lane, Lane::new(1))).collect();
        drop(inner);
        in_order(waiting(&lanes)).map(|(_, call)| call).collect()
    }

    /// Why the actor is dead, if it is.
    pub fn death(&self) -> Option<Arc<TaskError>> {
        self.inner.lock().dead.clone()
    }

    /// The next thing to do, once there is one.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Event> {
        let event = self.read(|inner, gone| inner.next(gone), Some(cx));
        event.map_or(Poll::Pending, Poll::Ready)
    }

    /// The next thing to do, if there is one.
    pub fn next(&self) -> Option<Event> {
        self.read(|inner, gone| inner.next(gone), None)
    }

    /// Another call beside those that are served, from a lane that has room; none where the actor is to do something else as
    /// soon as it has served them. Wakes `cx` when there may be one.
    pub fn poll_beside(&self, cx: &mut Context<'_>, has_room: impl Fn(usize) -> bool) -> Option<Arc<TaskRecord>> {
        let call = |inner: &mut Inner, gone: &mut Gone| match inner.is_called_away() {
            true => None,
            false => inner.next_call(has_room, gone),
        };
        self.read(call, Some(cx))
    }

    /// What the reader finds. Where that is nothing it waits. What is dropped is dropped where nobody holds the lock.
    fn read<T>(
        &self,
        find: impl FnOnce(&mut Inner, &mut Gone) -> Option<T>,
        cx: Option<&mut Context<'_>>,
    ) -> Option<T> {
        let mut gone = Gone::new();
        let mut inner = self.inner.lock();
        let found = find(&mut inner, &mut gone);
        let before = match cx {
            Some(cx) if found.is_none() => inner.reader.replace(cx.waker().clone()),
            _ => None,
        };
        drop(inner);
        drop((before, gone));
        found
    }
}

/// Ended calls are swept out where one in so many is: a sweep goes over all, so that each ended call pays for so many. In a full mailbox
/// they keep others out.
const SWEPT_WHEN_FULL: usize = 64;

/// See [`SWEPT_WHEN_FULL`]; elsewhere they only take memory.
const SWEPT_WHEN_ENDED: usize = 2;

impl Inner {
    fn len(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }

    /// Takes those out that were ended, if they may be one in so many.
    fn sweep(&mut self, one_in: usize) -> Gone {
        let mut gone = Gone::new();
        if self.ended == 0 || self.ended.saturating_mul(one_in) < self.len() {
            return gone;
        }
        self.ended = 0;
        self.lanes.iter_mut().for_each(|lane| lane.sweep(&mut gone));
        gone
    }

    /// Something has become of this call, which may be the first of its line.
    fn look(&mut self, call: &TaskRecord) -> Gone {
        let mut gone = Gone::new();
        self.lane(call).changed(call, call.spec.submitter(), &mut gone);
        self.ended = self.ended.saturating_sub(gone.len());
        gone
    }

    fn next(&mut self, gone: &mut Gone) -> Option<Event> {
        if let Some(kill) = self.kill.take() {
            self.condemned |= !kill.restart;
            return Some(Event::Kill { restart: kill.restart });
        }
        if std::mem::take(&mut self.save) {
            return Some(Event::Save);
        }
        if std::mem::take(&mut self.exit) {
            return Some(Event::Exit);
        }
        if std::mem::take(&mut self.moves) {
            return Some(Event::Move);
        }
        match self.next_call(|_| true, gone) {
            Some(call) => Some(Event::Call(call)),
            None if self.closing && self.lanes.iter().all(Lane::is_empty) => Some(Event::Closed),
            None => None,
        }
    }

    /// The first call of the lanes that have room.
    fn next_call(&mut self, has_room: impl Fn(usize) -> bool, gone: &mut Gone) -> Option<Arc<TaskRecord>> {
        let lanes = self.lanes.iter_mut().enumerate();
        let call = lanes.filter(|(lane, _)| has_room(*lane)).find_map(|(_, calls)| calls.next(gone));
        self.ended = self.ended.saturating_sub(gone.len());
        call
    }

    /// Is it to end, or to save its state?
    fn is_called_away(&self) -> bool {
        self.kill.is_some() || self.save || self.exit || self.moves
    }

    fn lane(&mut self, call: &TaskRecord) -> &mut Lane {
        // A plan comes from the type that the lanes are made for.
        let lane = call.spec.plan.lane.min(self.lanes.len() - 1);
        &mut self.lanes[lane]
    }
}

/// A call that waits: its lane and its number there, whose line it is in, and the call.
type Waiting = ((usize, i64), Submitter, Arc<TaskRecord>);

/// Those in all lanes, in no order.
fn waiting(lanes: &[Lane]) -> Vec<Waiting> {
    let of_lane = |(index, lane): (usize, &Lane)| {
        lane.waiting().map(move |(number, line, call)| ((index, number), line, call)).collect::<Vec<_>>()
    };
    lanes.iter().enumerate().flat_map(of_lane).collect()
}

/// Lane by lane, in the order in which they came. Not where anybody holds a lock: they may be many.
fn in_order(mut waiting: Vec<Waiting>) -> impl Iterator<Item = (Submitter, Arc<TaskRecord>)> {
    waiting.sort_unstable_by_key(|(place, ..)| *place);
    waiting.into_iter().map(|(_, line, call)| (line, call))
}
