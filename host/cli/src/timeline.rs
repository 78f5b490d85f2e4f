//! `--timeline FILE`: what ran when, for Perfetto or `chrome://tracing`. Tasks are on the slots where they ran, each
//! actor has a track of its own; waits lie inside them, and arrows lead from who submitted to what was submitted.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustyray_host::{ActorId, Event, EventKind, Receipt, Started, TaskId};

use super::console::Console;
use super::failure::Failure;
use super::may_block::may_block;
use super::trace_file::{Details, Extent, Spent, TRACE_BYTES_MAX, Trace, TraceFile};

/// The groups of tracks.
const TASKS: u32 = 1;
const ACTORS: u32 = 2;

/// Tracks from here on are slots and actors; a group's own, of what never had a slot, has its number, as a process's
/// main thread has.
const FIRST_TRACK: u64 = 10;

/// Time for a write that is under way when the rest is to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// A timeline that is written as things happen.
pub struct Timeline {
    path: PathBuf,
    console: Console,
    began: Instant,
    state: Mutex<State>,
}

struct State {
    file: TraceFile,
    live: HashMap<TaskId, Live>,
    named: HashSet<(u32, u64)>,
    /// Actors of which something is on their track now.
    busy: HashSet<ActorId>,
    /// Tasks that are not in the file, which is full.
    left_out: u64,
    /// The first failure, after which nothing more is written.
    failed: Option<io::Error>,
}

/// A task that runs or waits.
struct Live {
    track: Track,
    actor: Option<ActorId>,
    began: Instant,
    waits: bool,
    spent: Option<Spent>,
}

#[derive(Clone, Copy)]
struct Track {
    pid: u32,
    tid: u64,
}

impl Track {
    fn of_group(pid: u32) -> Self {
        Track { pid, tid: pid.into() }
    }
}

impl Timeline {
    /// Creates the file; one that exists is replaced.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, console: &Console) -> Result<Self, Failure> {
        // Of a pipe it waits for a reader.
        let _ends_at_a_signal = may_block();
        let file = TraceFile::create(path)
            .map_err(|error| Failure::host(format!("cannot write the timeline to '{}': {error}", path.display())))?;
        let mut state = State::new(file);
        state.name(Track::of_group(TASKS), "process_name", "tasks");
        state.name(Track::of_group(ACTORS), "process_name", "actors");
        let (path, console) = (path.to_owned(), console.clone());
        Ok(Timeline { path, console, began: Instant::now(), state: Mutex::new(state) })
    }

    /// Something happened.
    pub fn event(&self, event: &Event) {
        let mut state = self.state.lock();
        let ts = self.micros(event.at);
        match &event.kind {
            EventKind::Started(started) => state.start(event, started, ts, self.micros(started.queued)),
            EventKind::Waits { for_task } => state.wait(event.task, *for_task, ts),
            EventKind::GoesOn => state.go_on(event.task, ts),
            EventKind::Read { bytes } => state.transfer(event.task, "read", *bytes, ts),
            EventKind::Stored { bytes } => state.transfer(event.task, "store", *bytes, ts),
            EventKind::Ended => state.end(event.task, ts),
            _ => {}
        }
    }

    /// A task is settled: how is told when it gives its place up, which is next.
    pub fn receipt(&self, receipt: &Receipt) {
        let mut state = self.state.lock();
        if let Some(live) = state.live.get_mut(&receipt.task_id) {
            live.spent = Some(Spent {
                error: receipt.error,
                fuel: receipt.fuel_used,
                memory_peak_bytes: receipt.memory_peak_bytes,
                bytes_in: receipt.bytes_in,
                bytes_out: receipt.bytes_out,
                host_calls: receipt.host_calls,
            });
        } else if receipt.started_at.is_none() && !state.file.is_full() {
            let ts = self.micros(Instant::now());
            let args = Some(Details::NeverRan { task: receipt.task_id.0, error: receipt.error });
            let track = Track::of_group(TASKS);
            state.add(track, &receipt.task, ("never ran", "i"), ts, (None, Some(Extent::S('p'))), args);
        }
    }

    /// Writes what was gathered. Not while something is being written: that goes on without anybody's waiting.
    pub fn flush(&self) {
        if let Some(mut state) = self.state.try_lock_for(PATIENCE) {
            state.flush();
        }
    }

    /// Writes the rest.
    ///
    /// # Errors
    /// Something could not be written.
    pub fn finish(&self, events_left_out: u64) -> Result<(), Failure> {
        let Some(mut state) = self.state.try_lock_for(PATIENCE) else {
            return Err(Failure::host(format!("'{}' does not take the rest of the timeline", self.path.display())));
        };
        state.flush();
        if events_left_out > 0 {
            self.console.line(&format!(
                "{} {events_left_out} events came faster than they could be written, and are not in '{}'",
                self.console.colour().bold("note:"),
                self.path.display()
            ));
        }
        if state.left_out > 0 {
            self.console.line(&format!(
                "{} '{}' is full, at {} MiB: {} more tasks are not in it",
                self.console.colour().bold("note:"),
                self.path.display(),
                TRACE_BYTES_MAX >> 20,
                state.left_out
            ));
        }
        match &state.failed {
            None => Ok(()),
            Some(error) => {
                Err(Failure::host(format!("cannot write the timeline to '{}': {error}", self.path.display())))
            }
        }
    }

    fn micros(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.began).as_nanos() as f64 / 1000.0
    }
}

impl State {
    fn new(file: TraceFile) -> Self {
        let (live, named, busy) = Default::default();
        State { file, live, named, busy, left_out: 0, failed: None }
    }

    fn flush(&mut self) {
        if let Err(error) = self.file.flush() {
            self.failed.get_or_insert(error);
        }
    }

    fn start(&mut self, event: &Event, started: &Started, ts: f64, queued: f64) {
        if self.file.is_full() {
            self.left_out += 1;
            return;
        }
        // An actor that served two calls at once would have one of them on a slot.
        let actor = started.actor.clone().filter(|(id, _)| self.busy.insert(*id));
        let track = match &actor {
            Some((id, type_name)) => {
                let track = Track { pid: ACTORS, tid: FIRST_TRACK + id.0 };
                self.name(track, "thread_name", &format!("{type_name} #{id}"));
                track
            }
            None => {
                let track = Track { pid: TASKS, tid: FIRST_TRACK + started.slot as u64 };
                self.name(track, "thread_name", &format!("slot {}", started.slot));
                track
            }
        };
        let args = Some(Details::Begins {
            task: event.task.0,
            module: &started.module,
            attempt: started.attempt,
            queued_us: (ts - queued).max(0.0) as u64,
        });
        self.add(track, &started.name, ("task", "B"), ts, (None, None), args);
        self.arrow(event, started, (queued, ts), track);
        let actor = actor.map(|(id, _)| id);
        let live = Live { track, actor, began: event.at, waits: false, spent: None };
        self.live.insert(event.task, live);
    }

    /// From the slice of who submitted it, if that is still there, to its own.
    fn arrow(&mut self, event: &Event, started: &Started, (from, to): (f64, f64), track: Track) {
        let parent = started.parent.and_then(|parent| self.live.get(&parent));
        let parent = parent.filter(|parent| parent.began <= started.queued && started.attempt <= 1);
        if let Some(parent) = parent.map(|parent| parent.track) {
            let id = Some(event.task.0);
            self.add(parent, "submit", ("submit", "s"), from, (id, None), None);
            self.add(track, "submit", ("submit", "f"), to, (id, Some(Extent::Bp('e'))), None);
        }
    }

    fn wait(&mut self, task: TaskId, for_task: bool, ts: f64) {
        let Some(live) = self.live.get_mut(&task).filter(|live| !live.waits && !self.file.is_full()) else {
            return;
        };
        live.waits = true;
        let (track, name) = (live.track, if for_task { "waits for a task" } else { "waits" });
        self.add(track, name, ("wait", "B"), ts, (None, None), None);
    }

    fn go_on(&mut self, task: TaskId, ts: f64) {
        let Some(live) = self.live.get_mut(&task).filter(|live| live.waits) else {
            return;
        };
        live.waits = false;
        let track = live.track;
        self.add(track, "", ("wait", "E"), ts, (None, None), None);
    }

    fn transfer(&mut self, task: TaskId, name: &str, bytes: u64, ts: f64) {
        if self.file.is_full() {
            return;
        }
        if let Some(track) = self.live.get(&task).map(|live| live.track) {
            let args = Some(Details::Moved { bytes });
            self.add(track, name, ("transfer", "i"), ts, (None, Some(Extent::S('t'))), args);
        }
    }

    fn end(&mut self, task: TaskId, ts: f64) {
        self.go_on(task, ts);
        if let Some(live) = self.live.remove(&task) {
            if let Some(actor) = live.actor {
                self.busy.remove(&actor);
            }
            self.add(live.track, "", ("task", "E"), ts, (None, None), live.spent.map(Details::Ends));
        }
    }

    /// Names a track or its group, once.
    fn name(&mut self, track: Track, what: &str, name: &str) {
        if self.named.insert((track.pid, track.tid)) {
            self.add(track, what, ("", "M"), 0.0, (None, None), Some(Details::Name { name }));
        }
    }

    fn add(
        &mut self,
        Track { pid, tid }: Track,
        name: &str,
        (cat, ph): (&'static str, &'static str),
        ts: f64,
        (id, extent): (Option<u64>, Option<Extent>),
        args: Option<Details<'_>>,
    ) {
        if self.failed.is_none() {
            self.failed = self.file.add(&Trace { name, cat, ph, ts, pid, tid, id, extent, args }).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn started(task: u64) -> (Event, Started) {
        let at = Instant::now();
        let started = Started {
            slot: task as usize,
            name: "task".into(),
            module: "m".into(),
            parent: None,
            actor: None,
            queued: at,
            attempt: 1,
        };
        (Event { at, task: TaskId(task), kind: EventKind::Ended }, started)
    }

    #[test]
    fn a_full_file_ends_what_it_began_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.json");
        let mut state = State::new(TraceFile::limited(&path, 2000));
        for task in 0..100 {
            let (event, started) = started(task);
            state.start(&event, &started, task as f64, task as f64);
            state.wait(event.task, false, task as f64);
        }
        let begun = state.live.len() as u64;
        assert!(begun > 0 && state.left_out == 100 - begun, "{begun} and {}", state.left_out);
        (0..100).for_each(|task| state.end(TaskId(task), 200.0));
        state.file.flush().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() < 4000, "{} bytes", text.len());
        let events: Vec<Value> = serde_json::from_str(&text).unwrap();
        let count = |ph: &str, cat: &str| events.iter().filter(|e| e["ph"] == ph && e["cat"] == cat).count() as u64;
        assert_eq!((count("B", "task"), count("E", "task")), (begun, begun));
        assert_eq!(count("B", "wait"), count("E", "wait"));
    }
}
