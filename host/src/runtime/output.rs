//! What goes out of guests, and what is let go of with them.

use std::any::Any;
use std::sync::Weak;

use futures::future::BoxFuture;
use tracing::Level;

use super::Runtime;
use crate::port::OutputPort;
use crate::port::log::{LogLine, LogSource};
use crate::state::task::TaskRecord;
use crate::types::event::EventKind;
use crate::types::panics::caught;

impl OutputPort for Runtime {
    fn log(&self, owner: u64, line: LogLine) {
        self.observers.line(owner, line);
    }

    fn has_log_room(&self, owner: u64) -> bool {
        self.observers.has_room(owner)
    }

    fn log_room(&self, owner: u64) -> BoxFuture<'static, ()> {
        self.observers.room(owner)
    }

    fn say(&self, level: Level, text: String) {
        self.observers.say(level, || text);
    }

    fn inherited(&self, source: LogSource, bytes: &[u8]) {
        self.observers.inherited(source, bytes);
    }

    fn emit(&self, task: &TaskRecord, kind: EventKind) {
        Runtime::emit(self, task, kind);
    }

    /// On a thread that runs guests an embedder's own holds up what it would hold up with a call; all others, which may end the guests
    /// of others, leave it to one that may wait.
    fn let_go(&self, state: Vec<Box<dyn Any + Send>>) {
        let state = LetGo { state, runtime: self.me.clone() };
        match self.workers.is_here() {
            true => drop(state),
            // Where there is no such thread it is dropped here.
            false => drop(caught(|| self.tokio.spawn_blocking(|| drop(state)))),
        }
    }
}

/// The state of an embedder's imports for a guest that is gone.
struct LetGo {
    state: Vec<Box<dyn Any + Send>>,
    runtime: Weak<Runtime>,
}

impl Drop for LetGo {
    fn drop(&mut self) {
        for state in self.state.drain(..) {
            if let Err(words) = caught(|| drop(state)) {
                self.runtime.upgrade().iter().for_each(|runtime| runtime.imports.note(&words));
            }
        }
    }
}
