//! The calls that an actor serves at once, while it serves any: one of them runs, the others are suspended in its memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use crate::sim::state::actor::ActorRecord;
use crate::sim::state::payload::Payload;
use crate::sim::state::stop_reason::StopReason;
use crate::sim::state::task::TaskRecord;
use crate::sim::sync::lock;

/// What the guest is told.
pub(crate) enum News {
    /// Serve this call as well.
    Call(Arc<TaskRecord>, Vec<Payload>),
    /// This call was asked to stop.
    Asked(u64),
    /// Nobody waits for this call any more.
    Dropped(u64),
    /// No call is left.
    Over,
}

/// What comes of ending one of the calls.
pub(crate) enum Ending {
    /// It was suspended, and is over.
    Over,
    /// It runs, and ends when the guest leaves it.
    Soon,
    /// It is over already, or is to end already.
    None,
}

/// The calls that an actor serves at once.
pub(crate) struct ConcurrentCalls {
    pub(crate) actor: Arc<ActorRecord>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By their numbers, so in the order in which they came.
    calls: BTreeMap<u64, Served>,
    news: VecDeque<News>,
    /// The call that runs.
    current: Option<u64>,
}

struct Served {
    task: Arc<TaskRecord>,
    lane: usize,
    /// Does the guest know of it?
    known: bool,
    /// Was the guest told that it was asked to stop?
    asked: bool,
    /// It is to end, and runs.
    ending: Option<StopReason>,
}

impl ConcurrentCalls {
    pub(crate) fn new(actor: &Arc<ActorRecord>) -> Arc<Self> {
        Arc::new(Self { actor: actor.clone(), inner: Mutex::default() })
    }

    /// Takes a call in, of which the guest hears next.
    pub(crate) fn admit(&self, task: &Arc<TaskRecord>, arguments: Vec<Payload>) {
        let lane = self.actor.spec.lane_of(task.method());
        let mut inner = lock(&self.inner);
        inner.calls.insert(task.id, Served { task: task.clone(), lane, known: false, asked: false, ending: None });
        inner.news.push_back(News::Call(task.clone(), arguments));
    }

    /// May another call of this lane be served?
    pub(crate) fn has_room(&self, lane: usize) -> bool {
        let served = lock(&self.inner).calls.values().filter(|served| served.lane == lane).count();
        self.actor.spec.room.as_ref().is_some_and(|room| served < room[lane])
    }

    /// The next thing that the guest has to know, if there is one.
    pub(crate) fn news(&self) -> Option<News> {
        let mut inner = lock(&self.inner);
        inner.look_who_is_asked();
        let news = inner.news.pop_front();
        if let Some(News::Call(task, _)) = &news
            && let Some(served) = inner.calls.get_mut(&task.id)
        {
            served.known = true;
        }
        news.or_else(|| inner.calls.is_empty().then_some(News::Over))
    }

    /// The guest runs this call from here on. `None` if nobody waits for it any more.
    pub(crate) fn enter(&self, id: u64) -> Option<Arc<TaskRecord>> {
        let mut inner = lock(&self.inner);
        let task = inner.calls.get(&id)?.task.clone();
        inner.current = Some(id);
        Some(task)
    }

    /// It runs none of them from here on. Gives the one that it ran, if that is to end and so has.
    pub(crate) fn leave(&self) -> Option<(Arc<TaskRecord>, StopReason)> {
        let mut inner = lock(&self.inner);
        let id = inner.current.take()?;
        let reason = inner.calls.get(&id)?.ending?;
        Some((inner.end(id)?, reason))
    }

    /// The guest has answered this call: gives it, and why it is to end if it is. `None` if nobody waits for it any more.
    pub(crate) fn answered(&self, id: u64) -> Option<(Arc<TaskRecord>, Option<StopReason>)> {
        let mut inner = lock(&self.inner);
        inner.current.take_if(|current| *current == id);
        let Served { task, ending, .. } = inner.calls.remove(&id)?;
        Some((task, ending))
    }

    /// Ends one call.
    pub(crate) fn stop(&self, id: u64, reason: StopReason) -> Ending {
        let mut inner = lock(&self.inner);
        if inner.current != Some(id) {
            return inner.end(id).map_or(Ending::None, |_| Ending::Over);
        }
        match inner.calls.get_mut(&id) {
            Some(Served { ending: ending @ None, .. }) => {
                *ending = Some(reason);
                Ending::Soon
            }
            Some(_) | None => Ending::None,
        }
    }

    /// Why this call is to end, while the guest runs it.
    pub(crate) fn overdue(&self, id: u64) -> Option<StopReason> {
        let inner = lock(&self.inner);
        inner.calls.get(&id).filter(|_| inner.current == Some(id))?.ending
    }

    /// Those that are left when the guest serves no more, in the order in which they came.
    pub(crate) fn abandoned(&self) -> Vec<Arc<TaskRecord>> {
        let calls = std::mem::take(&mut *lock(&self.inner)).calls;
        calls.into_values().map(|served| served.task).collect()
    }
}

impl Inner {
    fn look_who_is_asked(&mut self) {
        for (id, served) in &mut self.calls {
            if !served.asked && served.known && served.task.was_asked() {
                served.asked = true;
                self.news.push_back(News::Asked(*id));
            }
        }
    }

    /// A call that the guest does not run is over. One that it does not know of, it never hears of.
    fn end(&mut self, id: u64) -> Option<Arc<TaskRecord>> {
        let Served { task, known, .. } = self.calls.remove(&id)?;
        match known {
            true => self.news.push_back(News::Dropped(id)),
            false => self.news.retain(|news| !matches!(news, News::Call(task, _) if task.id == id)),
        }
        Some(task)
    }
}
