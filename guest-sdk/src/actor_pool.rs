//! A pool of actors that share work.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::object_ref::{Get, ObjectRef};

/// Actors of which each has one call at a time: the next in line goes to whoever is free first.
///
/// As Ray's `ActorPool`. What is submitted waits in the guest's own memory. To wait for a result while the pool has no actor is a
/// mistake, and panics: nothing could ever come.
///
/// ```no_run
/// # use rustyray::prelude::*;
/// use rustyray::ActorPool;
/// # #[rustyray::actor] struct Squarer;
/// # #[rustyray::actor_methods] impl Squarer {
/// #     fn new() -> Self { Squarer }
/// #     fn square(&self, n: u64) -> u64 { n * n }
/// # }
///
/// # async fn example() -> Result<()> {
/// let mut pool = ActorPool::new((0..4).map(|_| Squarer::remote()));
/// let squares = pool.map(0..100, |squarer, n| squarer.square(n)).await?;
/// assert_eq!(squares[9], 81);
///
/// pool.submit(|squarer| squarer.square(10));
/// pool.submit(|squarer| squarer.square(11));
/// while let Some(square) = pool.get_next_unordered().await {
///     println!("{}", square?);
/// }
/// # Ok(())
/// # }
/// ```
pub struct ActorPool<H, T> {
    idle: VecDeque<H>,
    /// What was submitted and not got, in that order.
    work: VecDeque<Work<H, T>>,
}

type Call<H, T> = Box<dyn FnOnce(&H) -> ObjectRef<T>>;

enum Work<H, T> {
    /// No actor is free.
    Waiting(Call<H, T>),
    Running(Get<T>, H),
    Done(Result<T>),
}

impl<H, T: DeserializeOwned + 'static> ActorPool<H, T> {
    /// A pool of these actors.
    pub fn new(actors: impl IntoIterator<Item = H>) -> Self {
        Self { idle: actors.into_iter().collect(), work: VecDeque::new() }
    }

    /// Makes the call on the next actor that is free; what was submitted before comes first.
    pub fn submit(&mut self, call: impl FnOnce(&H) -> ObjectRef<T> + 'static) {
        self.work.push_back(Work::Waiting(Box::new(call)));
        self.start();
    }

    /// Is there a result to be got, now or later?
    #[must_use]
    pub fn has_next(&self) -> bool {
        !self.work.is_empty()
    }

    /// Is an actor free?
    #[must_use]
    pub fn has_free(&self) -> bool {
        !self.idle.is_empty()
    }

    /// Adds an actor, which takes what waits.
    pub fn push(&mut self, actor: H) {
        self.idle.push_back(actor);
        self.start();
    }

    /// Takes an actor out that is free.
    pub fn pop_idle(&mut self) -> Option<H> {
        self.idle.pop_front()
    }

    /// Waits for the result of what was submitted first, of all whose results were not got. `None` when there is nothing.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn get_next(&mut self) -> Option<Result<T>> {
        poll_fn(|context| self.poll_next(context, |work| matches!(work.front(), Some(Work::Done(_))).then_some(0)))
            .await
    }

    /// Waits for the result that comes first. `None` when there is nothing.
    ///
    /// # Errors
    /// Those of the call.
    pub async fn get_next_unordered(&mut self) -> Option<Result<T>> {
        let any = |work: &VecDeque<_>| work.iter().position(|work| matches!(work, Work::Done(_)));
        poll_fn(|context| self.poll_next(context, any)).await
    }

    /// Calls an actor for each value, and gives the results in the order of the values, with those of what was submitted before
    /// in front.
    ///
    /// # Errors
    /// The first that a call has; what comes after it can still be got.
    pub async fn map<V: 'static>(
        &mut self,
        values: impl IntoIterator<Item = V>,
        call: impl FnOnce(&H, V) -> ObjectRef<T> + Clone + 'static,
    ) -> Result<Vec<T>> {
        self.submit_all(values, call);
        let mut results = Vec::with_capacity(self.work.len());
        while let Some(result) = self.get_next().await {
            results.push(result?);
        }
        Ok(results)
    }

    /// The same in the order in which the results come.
    ///
    /// # Errors
    /// As those of [`map`](Self::map).
    pub async fn map_unordered<V: 'static>(
        &mut self,
        values: impl IntoIterator<Item = V>,
        call: impl FnOnce(&H, V) -> ObjectRef<T> + Clone + 'static,
    ) -> Result<Vec<T>> {
        self.submit_all(values, call);
        let mut results = Vec::with_capacity(self.work.len());
        while let Some(result) = self.get_next_unordered().await {
            results.push(result?);
        }
        Ok(results)
    }

    fn submit_all<V: 'static>(
        &mut self,
        values: impl IntoIterator<Item = V>,
        call: impl FnOnce(&H, V) -> ObjectRef<T> + Clone + 'static,
    ) {
        for value in values {
            let call = call.clone();
            self.submit(move |actor| call(actor, value));
        }
    }

    /// Gives what waits to whoever is free.
    fn start(&mut self) {
        let waiting = self.work.iter_mut().filter(|work| matches!(work, Work::Waiting(_)));
        for work in waiting {
            let Some(actor) = self.idle.pop_front() else { return };
            // What stands there meanwhile is overwritten.
            let taken = std::mem::replace(work, Work::Done(Err(Error::msg("it is being started"))));
            if let Work::Waiting(call) = taken {
                *work = Work::Running(call(&actor).into_future(), actor);
            }
        }
    }

    /// Looks at all that runs: an actor that is done goes on with the next, whichever result is wanted.
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        pick: impl Fn(&VecDeque<Work<H, T>>) -> Option<usize>,
    ) -> Poll<Option<Result<T>>> {
        loop {
            if self.work.is_empty() {
                return Poll::Ready(None);
            }
            let before = self.idle.len();
            for work in &mut self.work {
                let Work::Running(value, _) = work else { continue };
                if let Poll::Ready(result) = std::pin::Pin::new(value).poll(context)
                    && let Work::Running(_, actor) = std::mem::replace(work, Work::Done(result))
                {
                    self.idle.push_back(actor);
                }
            }
            let came = self.idle.len() > before;
            self.start();
            if let Some(Work::Done(result)) = pick(&self.work).and_then(|place| self.work.remove(place)) {
                return Poll::Ready(Some(result));
            }
            // What was started has to be polled, so that it wakes this.
            if !came {
                return Poll::Pending;
            }
        }
    }
}

impl<H, T> fmt::Debug for ActorPool<H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActorPool").field("idle", &self.idle.len()).field("work", &self.work.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{block_on, mock};

    /// Calls that take as long as they say.
    fn call(after: u64) -> impl FnOnce(&u8) -> ObjectRef<u64> + Clone {
        move |_| mock::later(after, &after)
    }

    fn all(pool: &mut ActorPool<u8, u64>, ordered: bool) -> Vec<u64> {
        block_on(async {
            let mut all = Vec::new();
            while let Some(value) = if ordered { pool.get_next().await } else { pool.get_next_unordered().await } {
                all.push(value.unwrap());
            }
            all
        })
    }

    #[test]
    fn results_come_as_asked_for() {
        let mut pool = ActorPool::new([1, 2]);
        for after in [30, 10, 20, 5] {
            pool.submit(call(after));
        }
        assert!(!pool.has_free() && pool.has_next());
        assert_eq!(all(&mut pool, true), [30, 10, 20, 5]);
        assert!(pool.has_free() && !pool.has_next());
        for after in [130, 110, 120] {
            pool.submit(call(after));
        }
        // The third begins when the second is done.
        assert_eq!(all(&mut pool, false), [110, 130, 120]);
    }

    #[test]
    fn values_are_mapped_over_the_actors() {
        let mut pool = ActorPool::new([1, 2, 3]);
        let squares = block_on(pool.map(0..10u64, |_, n| mock::sealed(&(n * n)))).unwrap();
        assert_eq!(squares, (0..10).map(|n| n * n).collect::<Vec<u64>>());
        let failed = block_on(pool.map(0..3u64, |_, n| if n == 1 { mock::failed("no") } else { mock::sealed(&n) }));
        assert_eq!(failed.unwrap_err().to_string(), "no");
        assert_eq!(all(&mut pool, true), [2]);
    }

    #[test]
    fn actors_come_and_go() {
        let mut pool = ActorPool::new([]);
        pool.submit(call(1));
        assert_eq!(pool.pop_idle(), None);
        pool.push(7);
        assert_eq!(all(&mut pool, true), [1]);
        assert_eq!((pool.pop_idle(), pool.has_free()), (Some(7), false));
    }
}
