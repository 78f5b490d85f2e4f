//! Spare threads. A guest gives others their turn after a slice of fuel, but not in the middle of a call of the host: that may copy
//! hundreds of megabytes, give back a gigabyte of memory, or be an embedder's function that blocks. A thread that does not come to the
//! end of what it does is noticed here, and a spare one works in its place meanwhile, so that nobody else waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Runtime;
use super::workers::Job;
use crate::types::limits::{RELIEF_KEPT, RELIEF_LONG, RELIEF_PATIENCE, RELIEVED_SOON_MAX, SPARE_THREADS_MAX};

/// What is seen of a host's workers.
#[derive(Default)]
pub(super) struct Posts {
    posts: Mutex<Vec<Arc<Post>>>,
    /// Nobody looks at them, because nobody works.
    is_unwatched: AtomicBool,
    stirred: Notify,
}

/// What is seen of a thread.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Post {
    /// Another odd number for each thing that the thread begins, and an even one while it rests.
    pulse: AtomicU64,
    /// The job that it runs next.
    seated: Mutex<Option<Job>>,
    /// Whose work it does.
    owner: AtomicU64,
    /// Its number in the system; none where it is not known.
    system_thread: Option<u32>,
}

impl Post {
    /// The thread begins something. Nobody else writes here.
    pub fn beat(&self) {
        self.pulse.store((self.pulse.load(Ordering::Relaxed) | 1) + 2, Ordering::Relaxed);
    }

    /// It works for this owner.
    pub fn work_for(&self, owner: u64) {
        self.owner.store(owner, Ordering::Relaxed);
    }

    fn owner(&self) -> u64 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Does the thread compute, or would it if there were a core for it? One that sleeps in an embedder's function does not.
    #[cfg(target_os = "linux")]
    fn computes(&self) -> bool {
        let state = |thread| std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok();
        // Behind its name, which may hold anything.
        self.system_thread
            .and_then(state)
            .is_some_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('R')))
    }

    /// Nobody knows.
    #[cfg(not(target_os = "linux"))]
    fn computes(&self) -> bool {
        false
    }

    /// It rests.
    pub fn rest(&self) {
        self.pulse.store(self.pulse.load(Ordering::Relaxed) & !1, Ordering::Release);
    }

    fn now(&self) -> u64 {
        self.pulse.load(Ordering::SeqCst)
    }

    fn is_busy(now: u64) -> bool {
        now & 1 == 1
    }

    /// Has the thread run the job next; gives it back if another one is.
    pub fn seat(&self, job: Job) -> Option<Job> {
        let mut seated = self.seated.lock();
        if seated.is_some() {
            return Some(job);
        }
        *seated = Some(job);
        None
    }

    /// The job that the thread was to run next.
    pub fn take_seated(&self) -> Option<Job> {
        self.seated.lock().take()
    }

    /// Is there one?
    pub fn has_seated(&self) -> bool {
        self.seated.lock().is_some()
    }
}

impl Posts {
    /// That of this thread, a new one.
    pub fn begin(&self) -> Arc<Post> {
        let post = Arc::new(Post { system_thread: system_thread(), ..Post::default() });
        self.posts.lock().push(post.clone());
        post
    }

    /// The thread works again.
    pub fn rise(&self, post: &Post) {
        post.pulse.store(post.now() | 1, Ordering::SeqCst);
        if self.is_unwatched.load(Ordering::SeqCst) && self.is_unwatched.swap(false, Ordering::SeqCst) {
            self.stirred.notify_one();
        }
    }

    /// Waits until a thread works.
    async fn stir(&self) {
        self.is_unwatched.store(true, Ordering::SeqCst);
        // Whoever rose before that has not seen it.
        let is_busy = self.posts.lock().iter().any(|post| Post::is_busy(post.now()));
        if !is_busy {
            self.stirred.notified().await;
        }
        self.is_unwatched.store(false, Ordering::SeqCst);
    }
}

#[cfg(target_os = "linux")]
fn system_thread() -> Option<u32> {
    let own = std::fs::read_link("/proc/thread-self").ok()?;
    own.file_name()?.to_str()?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn system_thread() -> Option<u32> {
    None
}

/// What was seen of the threads.
#[derive(Default)]
struct Watch {
    /// The pulse of each, and for how many looks it has been the same.
    seen: Vec<(u64, u32)>,
    /// Spare threads that may work.
    wanted: usize,
    /// Looks since as many were needed.
    unneeded: u32,
}

/// What a look has found.
#[derive(Default)]
struct Sight {
    /// Does any thread work?
    any: bool,
    /// How many are to be relieved, because they have begun nothing since the last look.
    stuck: usize,
    /// What those were to run next.
    seated: Vec<Job>,
    /// By owner: how many of them compute.
    computing: BTreeMap<u64, u32>,
}

impl Watch {
    /// Looks at them.
    fn look(&mut self, posts: &Posts) -> Sight {
        // New threads do not wait for this.
        let posts = posts.posts.lock().clone();
        let mut sight = Sight::default();
        self.seen.resize(posts.len(), (0, 0));
        let (mut short, mut long) = (0, 0);
        for (post, (seen, looks)) in posts.iter().zip(&mut self.seen) {
            let now = post.now();
            let is_busy = Post::is_busy(now);
            sight.any |= is_busy;
            if is_busy && now == *seen {
                *looks = looks.saturating_add(1);
                short += 1;
                sight.seated.extend(post.take_seated());
                if post.computes() {
                    *sight.computing.entry(post.owner()).or_insert(0) += 1;
                }
            } else {
                *looks = 0;
            }
            if *looks >= RELIEF_LONG {
                long += 1;
            }
            *seen = now;
        }
        // Where the machine has no core for a thread, that looks the same for a moment, and more threads would make it worse.
        sight.stuck = (long + RELIEVED_SOON_MAX.min(short - long)).min(SPARE_THREADS_MAX);
        sight
    }

    /// So many are stuck, and as many spare ones are wanted: some time longer than they are needed, for one that was stuck often is so
    /// again.
    fn want(&mut self, stuck: usize) -> usize {
        self.unneeded += 1;
        if stuck >= self.wanted || self.unneeded > RELIEF_KEPT {
            (self.wanted, self.unneeded) = (stuck, 0);
        }
        self.wanted
    }
}

impl Runtime {
    /// Has so many spare threads work, if there is something to do that nobody does.
    fn relieve(self: &Arc<Self>, needed: usize, wanted: usize, computing: BTreeMap<u64, u32>) {
        let (roused, another) = {
            let mut scheduler = self.scheduler.lock();
            scheduler.want_spares(needed, wanted, computing);
            let roused = scheduler.rouse();
            let another = if roused.is_none() { scheduler.enlist_spare() } else { None };
            (roused, another)
        };
        self.workers.wake(roused);
        if let Some(number) = another
            && self.start_worker(number).is_err()
        {
            // Where the system has none left, those that are there go on.
            self.scheduler.lock().dismiss_spare();
        }
    }
}

/// Looks at the threads while any of them works. Runs until it is dropped.
pub(super) async fn watch(runtime: Arc<Runtime>) {
    let mut watch = Watch::default();
    loop {
        tokio::time::sleep(RELIEF_PATIENCE).await;
        let Sight { any, stuck, seated, computing } = watch.look(&runtime.workers.posts);
        seated.into_iter().for_each(|job| runtime.resume_soon(job));
        let before = watch.wanted;
        let wanted = watch.want(stuck);
        if (before, wanted) != (0, 0) {
            runtime.relieve(stuck, wanted, computing);
        }
        if !any && wanted == 0 {
            runtime.workers.posts.stir().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_begins_nothing_between_two_looks_is_stuck_and_relieved_for_a_while_longer() {
        let (posts, mut watch) = (Posts::default(), Watch::default());
        let look = |watch: &mut Watch| {
            let Sight { any, stuck, .. } = watch.look(&posts);
            (any, stuck)
        };
        let [stuck, busy, resting] = [(); 3].map(|()| posts.begin());
        [&stuck, &busy, &resting].into_iter().for_each(|post| post.beat());
        resting.rest();
        assert_eq!(look(&mut watch), (true, 0), "nobody has been seen before");
        busy.beat();
        assert_eq!(look(&mut watch), (true, 1));
        assert_eq!(watch.want(1), 1);
        stuck.beat();
        busy.beat();
        assert_eq!(look(&mut watch), (true, 0));
        let looks = (0..).take_while(|_| watch.want(0) == 1).count();
        assert_eq!(looks, RELIEF_KEPT as usize);
        [&stuck, &busy].into_iter().for_each(|post| post.rest());
        assert_eq!(look(&mut watch), (false, 0));
    }

    #[test]
    fn many_are_relieved_only_when_they_are_stuck_for_long() {
        let (posts, mut watch) = (Posts::default(), Watch::default());
        let all: Vec<_> = (0..2 * RELIEVED_SOON_MAX).map(|_| posts.begin()).collect();
        all.iter().for_each(|post| post.beat());
        watch.look(&posts);
        let stuck: Vec<_> = (0..RELIEF_LONG).map(|_| watch.look(&posts).stuck).collect();
        let (last, before) = stuck.split_last().unwrap();
        assert!(before.iter().all(|stuck| *stuck == RELIEVED_SOON_MAX), "{stuck:?}");
        assert_eq!(*last, all.len());
        all[0].beat();
        assert_eq!(watch.look(&posts).stuck, all.len() - 1);
        // Beside those that are stuck for good others are relieved as soon as ever.
        all[1..=RELIEVED_SOON_MAX].iter().for_each(|post| post.beat());
        watch.look(&posts);
        assert_eq!(watch.look(&posts).stuck, all.len() - 1);
    }

    #[tokio::test]
    async fn whoever_rises_is_watched() {
        let posts = Arc::<Posts>::default();
        let post = posts.begin();
        let stirs = tokio::spawn({
            let posts = posts.clone();
            async move { posts.stir().await }
        });
        while !posts.is_unwatched.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        posts.rise(&post);
        stirs.await.unwrap();
        // One that rose before anybody waited.
        posts.stir().await;
        assert!(!posts.is_unwatched.load(Ordering::SeqCst));
    }
}
