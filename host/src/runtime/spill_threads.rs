//! The threads that write cold objects to disk, and read them back when somebody wants them.

use super::Runtime;
use super::presence::Presence;
use super::spiller::Spiller;
use crate::state::object::gathering::{Duty, Errand, Gathered, Gatherings, Need};
use crate::state::object::place::Stored;
use crate::state::object::store::{ObjectStore, Reservation};
use crate::state::object::{ObjectRef, Outcome};
use crate::types::error::{TaskError, TaskResult};
use crate::types::ids::ObjectId;
use crate::types::limits::{DISK_THREADS, ROOM_PATIENCE, SPILL_RETRY};
use crate::types::panics::{Finally, caught};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tracing::Level;

/// A thread that writes and reads.
struct Reader {
    spiller: Arc<Spiller>,
    runtime: Weak<Runtime>,
    /// The change since when nothing could be spilled, and why: who was looked at after it needs not try that again.
    dry: Option<(u64, Arc<TaskError>)>,
}

impl Runtime {
    /// Starts the threads, where there is a folder.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start_readers(self: &Arc<Self>, presence: &Arc<Presence>) -> std::io::Result<()> {
        let Some(spiller) = &self.spiller else { return Ok(()) };
        for number in 0..DISK_THREADS {
            let mut reader = Reader { spiller: spiller.clone(), runtime: Arc::downgrade(self), dry: None };
            let thread = std::thread::Builder::new().name(format!("rustyray-disk-{number}"));
            presence.spawn(thread, move || reader.serve())?;
        }
        let spiller = spiller.clone();
        let thread = std::thread::Builder::new().name("rustyray-line".to_owned());
        presence.spawn(thread, move || spiller.keep_the_line())?;
        Ok(())
    }
}

impl Spiller {
    /// Does something for those in the line; a panic on the way is one errand's.
    fn survive(&self, errand: impl FnOnce()) {
        if let Err(words) = caught(errand) {
            let text = || format!("the host panicked while it read spilled objects back, and goes on: {words}");
            self.voice.say(Level::ERROR, text);
        }
    }

    /// What the line needs of a thread that no disk can stop.
    fn keep_the_line(&self) {
        while let Some(duty) = self.line.next_duty() {
            self.survive(|| match duty {
                Duty::Refuse(late) => late.iter().for_each(|need| need.refuse_late()),
                Duty::LetGo(lapsed) => lapsed.iter().for_each(|need| need.let_go()),
                Duty::Give(need) => self.give(&need),
            });
        }
    }

    fn give(&self, need: &Need) {
        let mut handling = Handling { line: &self.line, need, over: false };
        let room = self.store.upgrade().and_then(|store| store.reserve_free(need.bytes).ok());
        match room {
            Some(room) => handling.serve(Gathered { outcomes: Vec::new(), room: Ok(Some(room)) }),
            None => {
                handling.over = true;
                self.line.leave_to_readers(need);
            }
        }
    }
}

impl Reader {
    fn serve(&mut self) {
        let limit = self.spiller.store.upgrade().map_or(0, |store| store.limit());
        let spiller = self.spiller.clone();
        while let Some(errand) = spiller.line.next(limit) {
            spiller.survive(|| match errand {
                Errand::Sweep => {
                    let swept = Finally::new(|| spiller.line.have_swept());
                    spiller.folder.remove_gone();
                    drop(swept);
                }
                Errand::Evict => self.evict(),
                Errand::Gather(need, change) => self.gather(&need, change),
            });
        }
    }

    /// Makes the store as empty as it should be. Between two objects those who need room at once have their turn.
    fn evict(&self) {
        let spiller = &self.spiller;
        let mut evicting = Evicting { line: &spiller.line, rest: Duration::ZERO };
        let Some(store) = spiller.store.upgrade() else { return };
        let mut left = Vec::new();
        let mut writing = Some(spiller.writing.lock());
        let (evicted, refused) = spiller.spill_until(&store, &mut left, |left| {
            writing = None;
            left.clear();
            let enough = store.excess() == 0;
            if !enough {
                writing = Some(spiller.writing.lock());
            }
            enough
        });
        drop(writing);
        drop(left);
        if !evicted {
            evicting.rest = SPILL_RETRY;
        }
        match refused {
            // It is tried again as long as the store is too full.
            Some(refused) if !spiller.complained.swap(true, Ordering::Relaxed) => {
                spiller.voice.say(Level::WARN, || refused.message);
            }
            Some(_) => {}
            None => spiller.complained.store(false, Ordering::Relaxed),
        }
    }

    fn gather(&mut self, need: &Need, change: u64) {
        let Some(store) = self.spiller.store.upgrade() else { return };
        let line = self.spiller.line.clone();
        let mut handling = Handling { line: &line, need, over: false };
        if need.is_gone() {
            return handling.serve(Gathered { outcomes: Vec::new(), room: Ok(None) });
        }
        // What is there is held, so that it is not spilled to make room for the rest.
        let mut outcomes = need.outcomes();
        let files = files(need, &outcomes);
        let is_new = need.is_new();
        if is_new && self.make_again_what_is_gone(&files) {
            return handling.serve(Gathered { outcomes: need.outcomes(), room: Ok(None) });
        }
        let bytes = need.bytes + files.iter().map(|(_, file)| file.byte_count()).sum::<u64>();
        let ids: Vec<_> = files.iter().map(|(object, _)| object.id()).collect();
        if !line.begin_to_read(need, &ids, bytes, change) {
            handling.over = true;
            return;
        }
        let mut reading = Reading { line: &line, ids: &ids, began: false };
        // Another thread may have read them since they were looked at.
        let is_there = |(object, file): &(ObjectRef, Arc<dyn Stored>)| {
            object.stored().is_some_and(|other| Arc::ptr_eq(&other, file))
        };
        if !files.iter().all(is_there) {
            return handling.put_back(bytes, 0);
        }
        let mut room = match self.reserve(&store, bytes, change) {
            Ok(room) => room,
            Err(full) => {
                // Where the disk is what is full little is to be hoped for.
                if is_new && need.objects.is_empty() && !store.may_come(bytes, &full) {
                    line.refuse_at(need, Instant::now() + ROOM_PATIENCE);
                }
                need.note(full);
                return handling.put_back(bytes, change);
            }
        };
        if !files.is_empty() {
            line.have_room(need);
        }
        reading.began = true;
        let mut read: HashMap<ObjectId, Option<Outcome>> = HashMap::new();
        for (object, file) in files {
            let outcome = match file.read() {
                Ok(data) => object.come_back(data, room.split(file.byte_count())),
                Err(why) => {
                    self.make_again(&object, &why);
                    object.outcome()
                }
            };
            read.insert(object.id(), outcome);
        }
        for (object, outcome) in need.objects.iter().zip(&mut outcomes) {
            if let Some(read) = read.get(&object.id()) {
                outcome.clone_from(read);
            }
        }
        drop(read);
        // What was kept for bytes that are lost goes back.
        let room = (need.bytes > 0).then(|| room.split(need.bytes));
        handling.serve(Gathered { outcomes, room: Ok(room) });
    }

    fn reserve(&mut self, store: &Arc<ObjectStore>, bytes: u64, change: u64) -> TaskResult<Reservation> {
        if let Some((_, why)) = self.dry.as_ref().filter(|(dry, _)| *dry == change && bytes <= store.limit()) {
            return store.reserve_free(bytes).map_err(|_| why.clone());
        }
        let reserved = store.reserve_now(bytes);
        self.dry = reserved.as_ref().err().filter(|_| bytes <= store.limit()).map(|why| (change, why.clone()));
        reserved
    }

    /// Before there is room: what is lost is made again, and needs none here. True if anything is.
    fn make_again_what_is_gone(&self, files: &[(ObjectRef, Arc<dyn Stored>)]) -> bool {
        let gone: Vec<_> = files.iter().filter(|(_, file)| !file.exists()).collect();
        gone.iter().for_each(|(object, _)| self.make_again(object, "its spill file cannot be read: it is gone"));
        !gone.is_empty()
    }

    fn make_again(&self, object: &ObjectRef, why: &str) {
        // Where nobody is left nobody can want it.
        if let Some(runtime) = self.runtime.upgrade() {
            runtime.make_again(object, why);
        }
    }
}

/// Those of the objects that have to be read, each once.
fn files(need: &Need, outcomes: &[Option<Outcome>]) -> Vec<(ObjectRef, Arc<dyn Stored>)> {
    let mut files: Vec<(ObjectRef, Arc<dyn Stored>)> = Vec::new();
    let mut seen = HashSet::new();
    for (object, _) in need.objects.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_none()) {
        if let Some(file) = object.stored().filter(|_| seen.insert(object.id())) {
            files.push((object.clone(), file));
        }
    }
    files
}

/// The store is made emptier. However that ends, it can be asked for again.
struct Evicting<'a> {
    line: &'a Gatherings,
    /// For how long there is no use in that.
    rest: Duration,
}

impl Drop for Evicting<'_> {
    fn drop(&mut self) {
        self.line.have_evicted(self.rest);
    }
}

/// Somebody's turn. However it ends, who waits hears of it.
struct Handling<'a> {
    line: &'a Gatherings,
    need: &'a Need,
    over: bool,
}

impl Handling<'_> {
    fn serve(&mut self, gathered: Gathered) {
        self.over = true;
        self.line.serve(self.need, gathered);
    }

    fn put_back(&mut self, lacks: u64, change: u64) {
        self.over = true;
        self.line.put_back(self.need, lacks, change);
    }
}

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        if !self.over {
            // Only by a fault of the host's.
            self.line.serve(self.need, Gathered { outcomes: self.need.outcomes(), room: Ok(None) });
        }
    }
}

/// Objects that this thread reads, or is about to.
struct Reading<'a> {
    line: &'a Gatherings,
    ids: &'a [ObjectId],
    began: bool,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        match self.began {
            true => self.line.have_read(self.ids),
            false => self.line.forget_reading(self.ids),
        }
    }
}
