//! What can happen to a task of the chaos, and the account of what did.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rustyray_host::ErrorKind;

/// What a task is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Deed {
    Echo,
    /// Of two others' results.
    Sum,
    Refuse,
    /// Traps until it was tried `good` times.
    Flaky {
        good: u32,
        retries: u32,
    },
    /// Until its time is up, or its fuel.
    Spin {
        timeout: bool,
    },
    /// Until it is cancelled.
    Endless {
        polite: bool,
    },
    Sleep,
    Parent,
    Leave,
    /// A call of an actor.
    Count,
    Crash,
    /// A call that spins until it is asked to stop, or its fuel is burned.
    Turn,
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub enum Answer {
    Value(u32),
    Call((u32, u32)),
    /// And the attempt.
    Error(ErrorKind, u32),
}

impl Deed {
    pub fn is_a_call(self) -> bool {
        matches!(self, Deed::Count | Deed::Crash | Deed::Turn)
    }

    pub fn is_endless(self) -> bool {
        matches!(self, Deed::Endless { .. })
    }

    /// For what would not end otherwise.
    pub fn fuel(self) -> Option<u64> {
        matches!(self, Deed::Spin { timeout: false } | Deed::Turn).then_some(500_000)
    }

    /// Is this an answer that it may have, other than that it was cancelled? One that was asked to stop is not tried again.
    pub fn fits(self, number: u32, cancelled: bool, harmed: bool, answer: &Answer) -> bool {
        use ErrorKind::{ActorDied, ActorUnavailable, OutOfFuel, TaskFailed, TaskTimedOut, WorkerCrashed};
        let lost = |kind: &ErrorKind| harmed && matches!(kind, ActorDied | ActorUnavailable);
        match (self, answer) {
            (Deed::Echo | Deed::Sleep | Deed::Parent | Deed::Leave, Answer::Value(value)) => *value == number,
            (Deed::Flaky { good, retries }, Answer::Value(value)) => *value == number && good <= retries + 1,
            (Deed::Flaky { good, retries }, Answer::Error(kind, attempt)) => {
                let all_failed = good > retries + 1 && *attempt == retries + 1;
                *kind == WorkerCrashed && (all_failed || (cancelled && *attempt < good))
            }
            (Deed::Refuse, Answer::Error(kind, _)) => *kind == TaskFailed,
            (Deed::Spin { timeout: true }, Answer::Error(kind, _)) => *kind == TaskTimedOut,
            (Deed::Spin { timeout: false }, Answer::Error(kind, _)) => *kind == OutOfFuel,
            (Deed::Count | Deed::Turn, Answer::Call(_)) => true,
            (Deed::Count, Answer::Error(kind, _)) => lost(kind),
            (Deed::Crash, Answer::Error(kind, _)) => lost(kind) || *kind == WorkerCrashed,
            (Deed::Turn, Answer::Error(kind, _)) => lost(kind) || *kind == OutOfFuel,
            _ => false,
        }
    }
}

/// What is known of each task by its number, which is its name.
pub struct Ledger {
    tasks: Vec<Entry>,
    next: AtomicU32,
    /// Tasks that did something when they should not be there any more.
    late: Mutex<Vec<u32>>,
    /// A thread panicked, perhaps one of the host's, which goes on.
    panicked: AtomicBool,
}

#[derive(Default)]
struct Entry {
    is_a_call: AtomicBool,
    receipts: AtomicU8,
}

impl Ledger {
    pub fn new(tasks: u32) -> Self {
        let tasks = (0..tasks).map(|_| Entry::default()).collect();
        Ledger { tasks, next: AtomicU32::new(0), late: Mutex::default(), panicked: AtomicBool::new(false) }
    }

    /// The number of one more task.
    pub fn next(&self, deed: Deed) -> u32 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.tasks[number as usize].is_a_call.store(deed.is_a_call(), Ordering::SeqCst);
        number
    }

    /// A guest does something: told in its order, so that what comes after the receipt was done after the outcome was there.
    /// Children have names that are no numbers.
    pub fn effect(&self, task: &str) {
        if let Ok(number) = task.parse::<u32>()
            && self.tasks[number as usize].receipts.load(Ordering::SeqCst) > 0
        {
            self.late.lock().unwrap().push(number);
        }
    }

    /// A task is over.
    pub fn receipt(&self, task: &str) {
        if let Ok(number) = task.parse::<usize>() {
            self.tasks[number].receipts.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Hears of every panic from now on.
    pub fn watch_panics(self: &Arc<Self>) {
        let (ledger, tell) = (self.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            ledger.panicked.store(true, Ordering::SeqCst);
            tell(panic);
        }));
    }

    /// Each task that was submitted was settled once, and none was heard of afterwards. A call that a dead actor refused
    /// leaves no receipt.
    pub fn check(&self) {
        assert!(!self.panicked.load(Ordering::SeqCst), "a thread of the host panicked");
        let late = self.late.lock().unwrap();
        assert!(late.is_empty(), "these did something after their outcome was there: {late:?}");
        let submitted = self.next.load(Ordering::SeqCst) as usize;
        let settled = |entry: &Entry| match entry.receipts.load(Ordering::SeqCst) {
            0 => entry.is_a_call.load(Ordering::SeqCst),
            receipts => receipts == 1,
        };
        let odd = (0..submitted).filter(|number| !settled(&self.tasks[*number]));
        let odd: Vec<usize> = odd.take(10).collect();
        assert!(odd.is_empty(), "these were not settled once: {odd:?}");
    }
}
