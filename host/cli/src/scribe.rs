//! The thread that writes standard error, and what it has to write. Nobody else writes there or holds a lock while somebody does:
//! a reader that sleeps stops this thread, and neither signals nor deadlines nor the end.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::screen::Screen;

/// Bytes of text from which on a guest's lines wait: as much as a pipe holds, a few times.
const HELD_BACK_FROM: usize = 256 << 10;

/// Bytes of text beyond which the command's own lines are left out, too.
const BYTES_MAX: usize = 1 << 20;

/// Bytes that are written at once: what a pipe takes whole, so that each write that returns is a step on.
const WRITTEN_AT_ONCE: usize = 4096;

/// Whoever reads standard error and has taken nothing for so long is not waited for at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is left at the end is written for so long at most, also to a reader that takes a little now and then.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Time for a progress line to go before the driver writes to the terminal. Longer it takes only where the terminal is stopped.
const WAY: Duration = Duration::from_millis(100);

/// Something to do on standard error.
enum Item {
    Text(Vec<u8>),
    /// So many lines are missing here.
    Missing(u64),
    /// Takes the progress line away.
    Clear,
    /// The driver writes to the terminal itself; is it in the middle of a line then?
    Way {
        mid_line: Option<bool>,
    },
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Item::Text(text) => text.len(),
            Item::Missing(_) | Item::Clear | Item::Way { .. } => 0,
        }
    }
}

/// Whoever has something to write has this.
#[derive(Default)]
pub struct Scribe {
    state: Mutex<State>,
    /// There is something to write.
    wanted: Condvar,
    /// Something was written.
    moved: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    /// Of all texts, with the one that is being written.
    bytes: usize,
    /// A progress line to show when there is nothing else: the text, and how long the work has taken.
    progress: Option<(String, Duration)>,
    /// Is one on the screen, as far as is known?
    shown: bool,
    /// Since when the thread has been writing what it writes now.
    writing: Option<Instant>,
    /// The command ends: nobody is waited for who reads nothing.
    ending: bool,
    started: bool,
}

impl State {
    fn is_stuck(&self) -> bool {
        self.writing.is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    fn is_done(&self) -> bool {
        self.items.is_empty() && self.writing.is_none()
    }

    fn add(&mut self, text: Vec<u8>) {
        self.bytes += text.len();
        self.items.push_back(Item::Text(text));
    }

    fn miss(&mut self) {
        match self.items.back_mut() {
            Some(Item::Missing(count)) => *count += 1,
            _ => self.items.push_back(Item::Missing(1)),
        }
    }
}

impl Scribe {
    /// Writes this soon, unless there is too much already.
    pub fn write(self: &Arc<Self>, text: Vec<u8>) {
        let mut state = self.state.lock();
        match state.bytes + text.len() > BYTES_MAX {
            true => state.miss(),
            false => state.add(text),
        }
        self.wake(state);
    }

    /// The same, once there is room: whoever has it written is to be held back. At the end a reader that does not read is not
    /// waited for.
    pub fn write_in_turn(self: &Arc<Self>, text: Vec<u8>) {
        let mut state = self.state.lock();
        while state.bytes >= HELD_BACK_FROM {
            match state.ending {
                true if state.is_stuck() => {
                    state.miss();
                    return;
                }
                true => drop(self.moved.wait_for(&mut state, PATIENCE)),
                false => self.moved.wait(&mut state),
            }
        }
        state.add(text);
        self.wake(state);
    }

    /// Takes the progress line away.
    pub fn clear(self: &Arc<Self>) {
        let mut state = self.state.lock();
        state.progress = None;
        if state.shown && !matches!(state.items.back(), Some(Item::Clear)) {
            state.items.push_back(Item::Clear);
            self.wake(state);
        }
    }

    /// Shows a progress line, or renews it.
    pub fn show(self: &Arc<Self>, text: String, since: Duration) {
        let mut state = self.state.lock();
        state.progress = Some((text, since));
        self.wake(state);
    }

    /// The driver is about to write to the terminal: waits until the progress line is gone, but not for a terminal that is
    /// stopped.
    pub fn make_way(self: &Arc<Self>, mid_line: Option<bool>) {
        let mut state = self.state.lock();
        match state.items.back_mut() {
            Some(Item::Way { mid_line: before }) => *before = mid_line.or(*before),
            _ => state.items.push_back(Item::Way { mid_line }),
        }
        let waits = state.shown && state.writing.is_none_or(|since| since.elapsed() < WAY);
        self.wake(state);
        if waits {
            let until = Instant::now() + WAY;
            let mut state = self.state.lock();
            while state.shown && !self.moved.wait_until(&mut state, until).timed_out() {}
        }
    }

    /// From now on nobody waits for a reader that does not read; or again for as long as it takes.
    pub fn set_ending(&self, ending: bool) {
        self.state.lock().ending = ending;
        self.moved.notify_all();
    }

    /// Waits until all is written, at most this long, and not for a reader that does not read.
    pub fn flush(&self, longest: Duration) {
        let until = Instant::now() + longest.min(LAST_WORDS);
        let mut state = self.state.lock();
        while !state.is_done() && !state.is_stuck() {
            let patience = state.writing.unwrap_or_else(Instant::now) + PATIENCE;
            self.moved.wait_until(&mut state, patience.min(until));
            if Instant::now() >= until {
                return;
            }
        }
    }

    /// Wakes the thread; the first one who has something to write starts it.
    fn wake(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let started = std::mem::replace(&mut state.started, true);
        drop(state);
        self.wanted.notify_one();
        if !started {
            let scribe = self.clone();
            let thread = std::thread::Builder::new().name("stderr".to_owned());
            // Without a thread nothing is written, as to a standard error that is closed.
            let _ = thread.spawn(move || scribe.serve());
        }
    }

    /// Writes for as long as the process lives.
    fn serve(&self) {
        let mut screen = Screen::new();
        loop {
            match self.next() {
                Next::Items(items) => items.into_iter().for_each(|item| self.execute(item, &mut screen)),
                Next::Progress(text, since) => screen.show(text, since),
            }
            let mut state = self.state.lock();
            state.shown = screen.shows_progress();
            state.writing = None;
            self.moved.notify_all();
        }
    }

    /// What is next; as many texts as can be written at once.
    fn next(&self) -> Next {
        let mut state = self.state.lock();
        while state.items.is_empty() && state.progress.is_none() {
            self.wanted.wait(&mut state);
        }
        state.writing = Some(Instant::now());
        if state.items.is_empty()
            && let Some((text, since)) = state.progress.take()
        {
            return Next::Progress(text, since);
        }
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some(item) = state.items.pop_front_if(|item| bytes == 0 || bytes + item.bytes() <= WRITTEN_AT_ONCE) {
            bytes += item.bytes();
            items.push(item);
        }
        Next::Items(joined(items))
    }

    fn execute(&self, item: Item, screen: &mut Screen) {
        match item {
            Item::Text(text) => {
                for part in text.chunks(WRITTEN_AT_ONCE) {
                    screen.write(part);
                    let mut state = self.state.lock();
                    state.bytes -= part.len();
                    state.writing = Some(Instant::now());
                    drop(state);
                    self.moved.notify_all();
                }
            }
            Item::Missing(lines) => screen.write(missing(lines).as_bytes()),
            Item::Clear => screen.clear(),
            Item::Way { mid_line } => screen.make_way(mid_line),
        }
    }
}

enum Next {
    Items(Vec<Item>),
    Progress(String, Duration),
}

/// The same with texts that follow each other as one.
fn joined(items: Vec<Item>) -> Vec<Item> {
    let mut joined: Vec<Item> = Vec::new();
    for item in items {
        match (joined.last_mut(), item) {
            (Some(Item::Text(text)), Item::Text(more)) => text.extend_from_slice(&more),
            (_, item) => joined.push(item),
        }
    }
    joined
}

fn missing(lines: u64) -> String {
    let lines = if lines == 1 { "1 line is".to_owned() } else { format!("{lines} lines are") };
    format!("warning: {lines} left out here, as nobody read standard error\n")
}

#[cfg(test)]
mod tests;
