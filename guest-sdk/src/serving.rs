//! Serving several calls of an actor at once: each is a future, and the instance waits for all of them and for the next call in
//! one host call.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::executor::{asked_to_stop, look_for_calls, park_for_calls, run_as};
use crate::host::calls::{self, Call, Event};
use crate::host::types::Payload;
use crate::logging::printed;
use crate::registry::{self, Arguments, Instance, Outcome, Run, Served};

/// A call that wakes itself all the time would keep the others from hearing what happened; every so many turns they do.
const TURNS_BETWEEN_LOOKS: u32 = 32;

/// Serves calls until the host has none.
pub(crate) fn serve() {
    let Some(instance) = registry::instance() else { return };
    let mut service = Service::new(instance);
    let mut turns = 0;
    loop {
        service.begin();
        let event = match service.run_next() {
            true if turns < TURNS_BETWEEN_LOOKS => {
                turns += 1;
                continue;
            }
            true => look_for_calls(),
            false => park_for_calls(),
        };
        turns = 0;
        match event {
            None => {}
            Some(Event::Call(call)) => service.arrived.push_back(call),
            Some(Event::Asked(id)) => asked_to_stop(id),
            Some(Event::Dropped(id)) => service.forget(id),
            Some(Event::Over) => return,
            // The executor keeps these to itself.
            Some(Event::Ready(_)) => {}
        }
    }
}

/// The calls that this instance serves.
struct Service {
    instance: Instance,
    /// In the order in which they came; the first waits for the state, and those behind it for the first.
    arrived: VecDeque<Call>,
    running: BTreeMap<u64, Running>,
    woken: Arc<Woken>,
}

struct Running {
    call: Served,
    bell: Arc<Bell>,
}

impl Service {
    fn new(instance: Instance) -> Self {
        Self { instance, arrived: VecDeque::new(), running: BTreeMap::new(), woken: Arc::default() }
    }

    /// Starts those that came, as far as the state is free for them.
    fn begin(&mut self) {
        while let Some(call) = self.arrived.pop_front() {
            match self.instance.method(&call.method).map(|method| method.run) {
                Ok(Run::Beside { exclusive, .. }) if !self.instance.state.is_free(exclusive) => {
                    return self.arrived.push_front(call);
                }
                Ok(Run::Beside { start, .. }) => {
                    let id = call.id;
                    let served = start(self.instance.state.clone(), Arguments::new(call.arguments), call.reply);
                    self.run(id, served);
                }
                Ok(Run::Alone(_)) => answer(call.id, Err(registry::alone(&call.method))),
                Err(failure) => answer(call.id, Err(failure)),
            }
        }
    }

    /// It holds the state from its first turn on, which it has here.
    fn run(&mut self, id: u64, call: Served) {
        let bell = Arc::new(Bell { id, rung: AtomicBool::new(true), woken: self.woken.clone() });
        self.running.insert(id, Running { call, bell });
        self.turn(id);
    }

    /// Gives the next call that was woken its turn. False if none was.
    fn run_next(&mut self) -> bool {
        let next = self.woken.pop();
        next.into_iter().for_each(|id| self.turn(id));
        next.is_some()
    }

    fn turn(&mut self, id: u64) {
        // One that is over may have been woken before it ended.
        let Some(running) = self.running.get_mut(&id) else { return };
        running.bell.rung.store(false, Ordering::Relaxed);
        if !calls::enter(id) {
            return self.forget(id);
        }
        let waker = Waker::from(running.bell.clone());
        let polled = run_as(id, || running.call.as_mut().poll(&mut Context::from_waker(&waker)));
        if let Poll::Ready(outcome) = printed(polled) {
            // What it held is let go in its own time.
            drop(self.running.remove(&id));
            answer(id, outcome);
        }
    }

    fn forget(&mut self, id: u64) {
        self.arrived.retain(|call| call.id != id);
        drop(self.running.remove(&id));
    }
}

fn answer(id: u64, outcome: Outcome<Payload>) {
    calls::reply(id, outcome.map_err(|failure| *failure));
}

/// The calls that were woken, each once.
#[derive(Default)]
struct Woken(Mutex<VecDeque<u64>>);

impl Woken {
    fn pop(&self) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Wakes one call.
struct Bell {
    id: u64,
    rung: AtomicBool,
    woken: Arc<Woken>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::Relaxed) {
            self.woken.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.id);
        }
    }
}
