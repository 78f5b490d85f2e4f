//! A mailbox: lists of what was asked for, and what the reader is to do worked out from them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use fastrand::Rng;

use super::super::task::TaskRecord;
use super::{plan, task};
use crate::state::actor::mailbox::{Event, Mailbox};
use crate::state::object::store::ObjectStore;
use crate::types::clock::{ManualClock, Moment};
use crate::types::error::{ErrorKind, TaskError};
use crate::types::plan::TaskPlan;
use rustyray_testkit::seeds;

/// Calls that may wait.
const ROOM: usize = 8;

/// Lanes, as of an actor with a concurrency group.
const LANES: usize = 2;

/// How many are served at once from each: from the first in order, from the second as they come.
const AT_ONCE: [u32; LANES] = [1, 2];

struct Call {
    record: Arc<TaskRecord>,
    lane: usize,
    /// Has it its arguments?
    released: bool,
    over: bool,
}

/// How often the actor may start again.
const RESTARTS: u32 = 5;

#[derive(Clone, Copy)]
struct Kill {
    restart: bool,
}

/// What the reader is told, without the task.
#[derive(Debug, PartialEq)]
enum Said {
    Call(usize),
    Kill { restart: bool },
    Save,
    Exit,
    Move,
    Closed,
}

/// How often the reader was woken.
#[derive(Default)]
struct Reader(AtomicU32);

impl Wake for Reader {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct World {
    rng: Rng,
    store: Arc<ObjectStore>,
    mailbox: Mailbox,
    reader: Arc<Reader>,
    /// The count of wakes when the reader was last told to wait.
    waits_since: Option<u32>,
    calls: Vec<Call>,
    lines: [Vec<usize>; LANES],
    /// Of those in the lines that were ended.
    ended: usize,
    kills: Vec<Kill>,
    save: bool,
    exit: bool,
    moves: bool,
    closing: bool,
    /// Has a kill for good been heard?
    condemned: bool,
    dead: bool,
    serving: bool,
    /// Is it between two starts, the second of which was put off?
    put_off: bool,
    generation: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        World {
            rng: Rng::with_seed(seed),
            store: ObjectStore::new(1 << 20),
            mailbox: Mailbox::new(ROOM, &AT_ONCE, RESTARTS),
            reader: Arc::default(),
            waits_since: None,
            calls: Vec::new(),
            lines: Default::default(),
            ended: 0,
            kills: Vec::new(),
            save: false,
            exit: false,
            moves: false,
            closing: false,
            condemned: false,
            dead: false,
            serving: false,
            put_off: false,
            generation: 0,
        }
    }

    fn expected(&mut self) -> Option<Said> {
        if !self.kills.is_empty() {
            return Some(Said::Kill { restart: self.kills.iter().all(|kill| kill.restart) });
        }
        if self.save {
            return Some(Said::Save);
        }
        if self.exit {
            return Some(Said::Exit);
        }
        if self.moves {
            return Some(Said::Move);
        }
        let alive = |name: &&usize| !self.calls[**name].over;
        match self.first_call([true; LANES]) {
            Some(first) => Some(Said::Call(first)),
            None => (self.closing && !self.lines.iter().flatten().any(|name| alive(&name))).then_some(Said::Closed),
        }
    }

    /// The call that is served next, from the lanes that have room.
    fn first_call(&self, room: [bool; LANES]) -> Option<usize> {
        let released = |name: &&usize| self.calls[**name].released;
        let firsts = self.lines.iter().zip(AT_ONCE).map(|(line, at_once)| match at_once {
            1 => line.first().filter(released),
            _ => line.iter().find(released),
        });
        firsts.zip(room).filter(|(_, room)| *room).find_map(|(first, _)| first).copied()
    }

    /// Those that were ended are gone where nobody is before them.
    fn tidy(&mut self) {
        for (line, at_once) in self.lines.iter_mut().zip(AT_ONCE) {
            let before = line.len();
            match at_once {
                1 => drop(line.drain(..line.iter().take_while(|name| self.calls[**name].over).count())),
                _ => line.retain(|name| !self.calls[*name].over),
            }
            self.ended = self.ended.saturating_sub(before - line.len());
        }
    }

    /// This call is served.
    fn served(&mut self, name: usize) {
        self.lines.iter_mut().for_each(|line| line.retain(|other| *other != name));
        self.tidy();
    }

    /// Those that were ended are gone, if they are one in so many.
    fn swept(&mut self, one_in: usize) {
        if self.ended > 0 && self.ended * one_in >= self.line().len() {
            self.ended = 0;
            self.lines.iter_mut().for_each(|line| line.retain(|name| !self.calls[*name].over));
        }
    }

    /// All that wait, lane by lane.
    fn line(&self) -> Vec<usize> {
        self.lines.concat()
    }

    /// The reader has heard it.
    fn heard(&mut self, said: &Said) {
        match said {
            Said::Kill { restart } => {
                self.condemned |= !restart;
                self.kills.clear();
            }
            Said::Save => self.save = false,
            Said::Exit => self.exit = false,
            Said::Move => self.moves = false,
            Said::Call(name) => self.served(*name),
            Said::Closed => (self.lines, self.ended) = Default::default(),
        }
    }

    fn read(&mut self) {
        let expected = self.expected();
        let waker = Waker::from(self.reader.clone());
        let event = match self.mailbox.poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        };
        let said = event.map(|event| match event {
            Event::Call(record) => Said::Call(record.spec.id.0 as usize),
            Event::Kill { restart } => Said::Kill { restart },
            Event::Save => Said::Save,
            Event::Exit => Said::Exit,
            Event::Move => Said::Move,
            Event::Closed => Said::Closed,
        });
        assert_eq!(said, expected);
        self.waits_since = None;
        match &said {
            Some(said) => self.heard(said),
            None => self.waits_since = Some(self.reader.0.load(Ordering::Relaxed)),
        }
    }

    /// Another call beside those that are served.
    fn read_beside(&mut self) {
        let room = [self.rng.bool(), self.rng.bool()];
        let away = !self.kills.is_empty() || self.save || self.exit || self.moves;
        let expected = if away { None } else { self.first_call(room) };
        let waker = Waker::from(self.reader.clone());
        let call = self.mailbox.poll_beside(&mut Context::from_waker(&waker), |lane| room[lane]);
        assert_eq!(call.map(|call| call.spec.id.0 as usize), expected);
        expected.into_iter().for_each(|name| self.served(name));
        // What it waits for depends on the room, of which it is not told.
        self.waits_since = None;
    }

    fn push(&mut self) {
        let name = self.calls.len();
        let lane = self.rng.usize(..LANES);
        let record = task(name as u64, 0, TaskPlan { lane, ..plan() }, false, &self.store).0;
        let pushed = self.mailbox.push(record.clone()).map_err(|error| error.kind);
        if self.line().len() >= ROOM && !self.dead {
            self.swept(64);
        }
        let expected = match () {
            () if self.dead => Err(ErrorKind::ActorDied),
            () if self.line().len() >= ROOM => Err(ErrorKind::PendingCallsLimitExceeded),
            () => Ok(()),
        };
        assert_eq!(pushed, expected);
        self.calls.push(Call { record, lane, released: false, over: false });
        if expected.is_ok() {
            self.lines[lane].push(name);
        }
    }

    /// A call that was served is to be served once more, before all others.
    fn push_back(&mut self) {
        let waiting = self.line();
        let served = (0..self.calls.len()).filter(|name| {
            let call = &self.calls[*name];
            call.released && !call.over && !waiting.contains(name)
        });
        let Some(name) = self.rng.choice(served.collect::<Vec<_>>()) else { return };
        let (record, lane) = (self.calls[name].record.clone(), self.calls[name].lane);
        assert_eq!(self.mailbox.push_first(record).is_some(), self.dead, "the dead give it back");
        if !self.dead {
            self.lines[lane].insert(0, name);
        }
    }

    fn release(&mut self) {
        if let Some(name) = self.rng.choice(self.line()).filter(|name| !self.calls[*name].released) {
            self.calls[name].record.watch_arguments();
            self.calls[name].released = true;
            self.mailbox.released(&self.calls[name].record);
        }
    }

    fn end(&mut self) {
        if let Some(name) = self.rng.choice(self.line()).filter(|name| !self.calls[*name].over) {
            let over = Err(Arc::new(TaskError::new(ErrorKind::TaskCancelled, "over")));
            assert!(self.calls[name].record.finish(over, false, Moment::of(&ManualClock::new()), |_| ()).is_some());
            self.calls[name].over = true;
            self.ended += 1;
            self.tidy();
            self.swept(2);
            self.mailbox.call_ended(&self.calls[name].record);
        }
    }

    fn kill(&mut self) {
        let restart = self.rng.bool();
        let generation = self.rng.bool().then(|| self.rng.u32(0..=self.generation + 1));
        let is_meant = match generation {
            Some(meant) => meant == self.generation && meant > 0 && !self.dead && !self.put_off,
            None => true,
        };
        let hits = is_meant && (!restart || (self.serving && !self.dead));
        assert_eq!(self.mailbox.kill(restart, generation), hits.then_some(self.generation));
        if hits {
            self.kills.push(Kill { restart: restart && self.generation <= RESTARTS });
        }
    }

    fn start(&mut self) {
        self.generation += 1;
        (self.serving, self.put_off) = (false, false);
        self.exit = false;
        self.kills.retain(|kill| !kill.restart);
        assert_eq!(self.mailbox.starts(), self.generation);
    }

    fn serve(&mut self) {
        if !self.put_off {
            self.mailbox.serves();
            self.serving = true;
        }
    }

    fn put_off(&mut self) {
        // While it starts.
        if self.serving || self.put_off || self.generation == 0 {
            return;
        }
        self.put_off = self.kills.is_empty();
        if self.put_off {
            self.generation -= 1;
        }
        assert_eq!((self.mailbox.puts_off(), self.mailbox.generation()), (self.put_off, self.generation));
    }

    fn die(&mut self) {
        let left = self.mailbox.die(Arc::new(TaskError::new(ErrorKind::ActorDied, "over")));
        let left: Vec<usize> = left.iter().map(|call| call.spec.id.0 as usize).collect();
        assert_eq!(left, std::mem::take(&mut self.lines).concat());
        self.dead = true;
        // The reader has ended.
        self.waits_since = None;
    }

    fn step(&mut self) {
        match self.rng.u8(..69) {
            0..16 => self.push(),
            16..28 => self.release(),
            28..32 => self.end(),
            32..45 => self.read(),
            45..50 => self.read_beside(),
            50..54 => self.kill(),
            54..56 => self.start(),
            56..58 => self.serve(),
            58..60 => {
                self.mailbox.save();
                self.save = true;
            }
            60..61 => {
                self.mailbox.close();
                self.closing = true;
            }
            61..62 => {
                self.mailbox.exit();
                self.exit = true;
            }
            62..63 => {
                self.mailbox.ask_to_move();
                self.moves = true;
            }
            63..66 => self.push_back(),
            66..68 => self.put_off(),
            // Once in a life of some hundred steps.
            _ if self.rng.u8(..30) == 0 => self.die(),
            _ => {}
        }
        self.check();
    }

    fn check(&mut self) {
        assert_eq!(self.mailbox.kill_pending(), !self.kills.is_empty());
        let restarts = !self.kills.is_empty() && self.kills.iter().all(|kill| kill.restart);
        assert_eq!((self.mailbox.restart_pending(), self.mailbox.death().is_some()), (restarts, self.dead));
        let is_over = self.dead || self.condemned || self.kills.iter().any(|kill| !kill.restart);
        assert_eq!(self.mailbox.is_over(), is_over);
        let waiting: Vec<usize> = self
            .mailbox
            .waiting(self.line().len())
            .expect("they are no more")
            .iter()
            .map(|(_, call)| call.spec.id.0 as usize)
            .collect();
        assert_eq!(waiting, self.line());
        if let Some(less) = waiting.len().checked_sub(1) {
            assert!(self.mailbox.waiting(less).is_none());
        }
        if let Some(since) = self.waits_since.filter(|_| self.expected().is_some()) {
            assert!(self.reader.0.load(Ordering::Relaxed) > since, "a reader that waits hears of what it is to do");
        }
    }
}

#[test]
fn a_mailbox_does_as_its_lists_say() {
    seeds::each(300, |seed| {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        world.die();
        world.calls.clear();
        assert_eq!(world.store.live_objects(), 0);
    });
}
