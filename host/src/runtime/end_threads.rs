//! The threads that end tasks: at their deadlines, with their parents, with what they wait for. They do nothing else, so that no guest or
//! disk holds up a deadline. Where none of them comes to an end with what it does, because what a guest or an embedder's future holds
//! does not go, there are more of them for a while.

use std::sync::{Arc, Weak};

use super::Runtime;
use super::endings::{Ending, Endings};
use super::presence::Presence;
use crate::state::object::store;
use crate::state::object::store::Apart;
use crate::types::limits::{END_PATIENCE, END_THREADS};

impl Apart for Arc<Endings<Runtime>> {
    fn work(&self, mut step: store::Step) {
        let step = move |runtime: &Runtime| {
            // At the end of the host nobody goes on with it.
            let more = !runtime.is_halted() && step();
            // Tasks may be ready now.
            runtime.dispatch();
            more
        };
        drop(self.begin(Box::new(step)));
    }
}

impl Runtime {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(super) fn start_endings(self: &Arc<Self>, presence: &Arc<Presence>) -> std::io::Result<()> {
        for _ in 0..END_THREADS {
            self.endings.add_thread();
            self.start_to_end(presence)?;
        }
        Ok(())
    }

    fn start_to_end(self: &Arc<Self>, presence: &Arc<Presence>) -> std::io::Result<()> {
        let (endings, runtime) = (self.endings.clone(), Arc::downgrade(self));
        let thread = std::thread::Builder::new().name("rustyray-end".to_owned());
        let started = presence.spawn(thread, move || serve(&endings, &runtime));
        started.map(drop).inspect_err(|_| self.endings.remove_thread())
    }

    /// Has something end that is many, or that is not to end here.
    pub(super) fn apart(&self, step: impl FnMut(&Runtime) -> bool + Send + 'static) {
        // At the end of the host all has ended already.
        drop(self.endings.begin(Box::new(step)));
    }

    fn end_next(&self) {
        match self.endings.next() {
            Some(Ending::Due(due)) => self.handle(due),
            Some(Ending::Step(mut step)) => {
                if step(self)
                    && let Some(mut step) = self.endings.begin(step)
                {
                    while step(self) {}
                }
            }
            None => {}
        }
    }
}

fn serve(endings: &Endings<Runtime>, runtime: &Weak<Runtime>) {
    while endings.wait() {
        // Before anything is taken: what is taken is seen to.
        let Some(runtime) = runtime.upgrade() else { return };
        // A panic on the way ends what it is in, and not the thread.
        runtime.survives("ended tasks", || runtime.end_next());
    }
}

/// Sees to it that there is a thread for what is to end. Runs until it is dropped.
pub(super) async fn mind(runtime: Arc<Runtime>) {
    let mut seen = 0;
    loop {
        runtime.endings.pressed.notified().await;
        loop {
            tokio::time::sleep(END_PATIENCE).await;
            match runtime.endings.lacks_a_thread(&mut seen) {
                None => break,
                // Where the system has none, those that are there go on.
                Some(true) => drop(runtime.start_to_end(&runtime.workers.presence)),
                Some(false) => {}
            }
        }
    }
}
