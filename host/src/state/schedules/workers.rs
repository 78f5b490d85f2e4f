//! Threads that ask for work, and rest; tasks that are submitted, waited for and cancelled meanwhile.

use std::sync::{Arc, Weak};
use std::time::Instant;

use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread::{self, Thread};

use super::super::object::ObjectRef;
use super::super::task::{Stopped, TaskRecord, TaskSink};
use super::{Busy, explore, settle, task};
use crate::state::object::store::ObjectStore;
use crate::state::queue::desk::Desk;
use crate::state::queue::room::Room;
use crate::state::queue::scheduler::{Next, Scheduler};
use crate::state::task::cancellation::StopReason;
use crate::types::error::ErrorKind;
use crate::types::resources::ResourceSet;

/// A host without guests: its tasks are over as soon as they run.
struct Host {
    desk: Desk<()>,
    room: Arc<Room>,
    store: Arc<ObjectStore>,
    threads: Mutex<Vec<Thread>>,
    settled: AtomicUsize,
    expected: usize,
}

const THREADS: usize = 2;

impl Host {
    fn new(total: ResourceSet, expected: usize) -> Arc<Self> {
        let room = Room::new(16);
        let mut scheduler = Scheduler::new(total, 4, room.clone());
        (0..THREADS).for_each(|_| scheduler.enlist());
        let (store, threads, settled) = (ObjectStore::new(1 << 20), Mutex::new(Vec::new()), AtomicUsize::new(0));
        Arc::new(Host { desk: Desk::new(scheduler), room, store, threads, settled, expected })
    }

    fn wake(&self, thread: Option<usize>) {
        if let Some(thread) = thread {
            self.threads.lock().unwrap()[thread].unpark();
        }
    }

    fn dispatch(&self) {
        self.wake(self.desk.rouse());
    }

    fn submit(
        self: &Arc<Self>,
        id: u64,
        needs: ResourceSet,
        arguments: Vec<ObjectRef>,
    ) -> (Arc<TaskRecord>, ObjectRef) {
        self.desk.lock().admit(&needs, true, &mut None).expect("there is room");
        let me = Arc::downgrade(self);
        let sink: Weak<dyn TaskSink> = me;
        let (record, object) = task(id, needs, arguments, &self.store, sink);
        record.watch_arguments();
        self.dispatch();
        (record, object)
    }

    fn end(&self, task: &TaskRecord, kind: Option<ErrorKind>) {
        if settle(task, kind, &self.store) && self.settled.fetch_add(1, Ordering::SeqCst) + 1 == self.expected {
            self.desk.lock().end();
            self.threads.lock().unwrap().iter().for_each(Thread::unpark);
        }
    }

    fn cancel(&self, task: &TaskRecord) {
        if let Stopped::BeforeStart = task.stop(StopReason::Cancelled) {
            self.desk.lock().forget(task);
            self.end(task, Some(ErrorKind::TaskCancelled));
            self.dispatch();
        }
    }

    fn run(&self, task: &Arc<TaskRecord>) {
        let begins = task.begin(Arc::new(Busy), Instant::now());
        if begins {
            // It waits for a moment, and gives its CPU to others.
            self.desk.lock().pause(task, false);
            self.dispatch();
            self.desk.lock().resume(task, false);
        }
        self.desk.lock().release(task);
        if begins {
            self.end(task, None);
        }
    }

    fn work(&self, number: usize) {
        loop {
            let (next, other) = self.desk.next(number);
            self.wake(other);
            match next {
                Next::Start(task) => self.run(&task),
                Next::Nobody | Next::Stuck => {
                    thread::park();
                    self.desk.rise(number);
                }
                Next::Again => {}
                Next::Look(_) => self.desk.lock().looked(0, None),
                Next::Resume(()) => unreachable!("there are no jobs"),
                Next::Over => return,
            }
        }
    }

    fn start(self: &Arc<Self>) -> Vec<thread::JoinHandle<()>> {
        // Held while they start, so that each is known before it can be woken.
        let mut known = self.threads.lock().unwrap();
        let start = |number| {
            let host = self.clone();
            thread::spawn(move || {
                drop(host.threads.lock().unwrap());
                host.work(number);
            })
        };
        let handles: Vec<_> = (0..THREADS).map(start).collect();
        known.extend(handles.iter().map(|handle| handle.thread().clone()));
        handles
    }

    fn expect_nothing_left(&self) {
        let load = self.desk.lock().load();
        assert_eq!((load.pending, load.ready, load.instances, load.active), (0, 0, 0, 0), "{load:?}");
        let (total, free) = self.desk.lock().permits();
        assert_eq!((total, self.room.pending()), (free, 0));
    }
}

impl TaskSink for Host {
    fn ready(&self, task: Arc<TaskRecord>) {
        match task.failed_argument() {
            Some(_) => self.end_dependent(&task),
            None => {
                let refused = self.desk.lock().push(task);
                assert!(refused.is_none(), "it is open");
            }
        }
    }

    fn abandon(&self, _: &ObjectRef) {}

    fn killed(&self, _: &Arc<TaskRecord>) {}
}

impl Host {
    fn end_dependent(&self, task: &TaskRecord) {
        if let Stopped::BeforeStart = task.leave_queue() {
            self.desk.lock().forget(task);
            self.end(task, Some(ErrorKind::DependencyFailed));
        }
    }
}

#[test]
fn every_task_is_settled_once_and_every_permit_comes_back() {
    explore(|| {
        let host = Host::new(ResourceSet::cpus(2.0).with("gpu", 1.0), 5);
        let threads = host.start();
        let other = {
            let host = host.clone();
            thread::spawn(move || {
                let whole = host.submit(1, ResourceSet::cpus(2.0), Vec::new());
                let gpu = host.submit(2, ResourceSet::cpus(1.0).with("gpu", 1.0), Vec::new());
                host.cancel(&gpu.0);
                drop(whole);
            })
        };
        let first = host.submit(3, ResourceSet::cpus(1.0), Vec::new());
        let second = host.submit(4, ResourceSet::cpus(1.0), vec![first.1.clone()]);
        let third = host.submit(5, ResourceSet::cpus(1.0).with("gpu", 1.0), vec![first.1.clone(), second.1.clone()]);
        host.cancel(&second.0);
        drop((first, second, third));
        other.join().unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        host.expect_nothing_left();
    });
}
