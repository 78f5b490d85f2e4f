//! Actors that serve several calls at once.

use std::cell::{Cell, RefCell};
use std::future::{poll_fn, ready};
use std::task::{Poll, Waker};

use futures::channel::oneshot;
use futures::{Stream, StreamExt, stream};
use rustyray::prelude::*;

/// Where calls meet. Its methods wait for each other in the instance's own memory, which only works when they run at once.
#[rustyray::actor(max_concurrency = 3, concurrency_groups = "side=2, single=1")]
struct Hall {
    inside: Cell<u32>,
    most: Cell<u32>,
    total: u32,
    /// Who waits for so many to be inside.
    waiting: RefCell<Vec<(u32, oneshot::Sender<()>)>>,
    log: RefCell<Vec<u32>>,
    dropped: Cell<u32>,
}

/// Someone in the hall, who leaves however their call ends.
struct Guest<'a>(&'a Hall);

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.inside.set(self.0.inside.get() - 1);
        self.0.dropped.set(self.0.dropped.get() + 1);
    }
}

impl Hall {
    fn enter(&self) -> Guest<'_> {
        self.inside.set(self.inside.get() + 1);
        self.most.set(self.most.get().max(self.inside.get()));
        let (met, waiting) = self.waiting.take().into_iter().partition(|(count, _)| *count <= self.inside.get());
        *self.waiting.borrow_mut() = waiting;
        let met: Vec<(u32, oneshot::Sender<()>)> = met;
        // Nobody is there any more where a call was ended while it waited.
        met.into_iter().for_each(|(_, met)| met.send(()).unwrap_or(()));
        Guest(self)
    }

    /// Waits until so many were inside.
    async fn until(&self, count: u32) {
        if self.inside.get() < count {
            let (met, meeting) = oneshot::channel();
            self.waiting.borrow_mut().push((count, met));
            meeting.await.expect("the hall stands");
        }
    }
}

#[rustyray::actor_methods]
impl Hall {
    fn new() -> Self {
        Hall {
            inside: Cell::new(0),
            most: Cell::new(0),
            total: 0,
            waiting: RefCell::default(),
            log: RefCell::default(),
            dropped: Cell::new(0),
        }
    }

    /// Ends when so many are in the hall at once.
    async fn meet(&self, count: u32) -> u32 {
        let _guest = self.enter();
        println!("one of {count} is in");
        self.until(count).await;
        count
    }

    /// Gives a value on, once it is there.
    async fn pass_on(&self, value: Vec<ObjectRef<u32>>) -> Result<u32> {
        let _guest = self.enter();
        let value = value[0].clone().await?;
        self.log.borrow_mut().push(value);
        Ok(value)
    }

    /// Sleeps until it is ended or asked to stop.
    async fn sleep(&self) -> Result<u32> {
        let _guest = self.enter();
        println!("it sleeps");
        rustyray::sleep(Duration::from_secs(1 << 20)).await;
        println!("it was woken, and asked to stop: {}", rustyray::context().cancelled);
        Err(Error::msg("woken"))
    }

    fn most(&self) -> u32 {
        self.most.get()
    }

    fn log(&self) -> Vec<u32> {
        self.log.borrow().clone()
    }

    /// How many have left.
    fn left(&self) -> u32 {
        self.dropped.get()
    }

    /// Waits, alone in the hall.
    async fn alone(&mut self, amount: u32) -> u32 {
        let before = self.total;
        rustyray::sleep(Duration::from_millis(1)).await;
        assert_eq!(self.inside.get(), 0, "somebody else is in");
        self.total = before + amount;
        self.total
    }

    /// Counts up to a number that only somebody else's meter shows.
    async fn burn(&self, rounds: u32) -> u32 {
        let mut sum = 0u32;
        for round in 0..rounds {
            for step in 0..10_000 {
                sum = std::hint::black_box(sum.wrapping_add(step * round));
            }
            rustyray::sleep(Duration::ZERO).await;
        }
        sum
    }

    /// Runs for ever, and never awaits.
    async fn spin(&self) -> u32 {
        println!("it spins");
        loop {
            std::hint::black_box(self.total);
        }
    }

    async fn crash(&self) -> u32 {
        panic!("the hall falls down")
    }

    async fn refuse(&self) -> Result<u32> {
        Err(Error::msg("not today"))
    }

    /// Waits in a way that blocks the others as well.
    fn block(&self, value: Vec<ObjectRef<u32>>) -> Result<u32> {
        println!("it blocks");
        value[0].blocking_get()
    }

    /// One, two, … with somebody to meet before each.
    fn numbers(&self, count: u32) -> impl Stream<Item = u32> {
        let inside = self.inside.get();
        stream::iter(1..=count).then(move |n| ready(n + inside))
    }

    fn parts(&self, count: u32) -> impl Iterator<Item = u32> {
        1..=count
    }

    fn leave(&self) -> Result<()> {
        rustyray::exit_actor()
    }

    #[rustyray::method(concurrency_group = "side")]
    async fn side(&self, count: u32) -> u32 {
        let _guest = self.enter();
        self.until(count).await;
        count
    }

    #[rustyray::method(concurrency_group = "single")]
    async fn note(&self, value: u32, until: Vec<ObjectRef<u32>>) -> Result<()> {
        if let [until] = &until[..] {
            until.clone().await?;
        }
        self.log.borrow_mut().push(value);
        Ok(())
    }
}

/// Serves one at a time, on the path of those that serve several.
#[rustyray::actor(max_concurrency = 1)]
struct Line(RefCell<Vec<u32>>);

#[rustyray::actor_methods]
impl Line {
    fn new() -> Self {
        Line(RefCell::default())
    }

    async fn note(&self, value: u32) -> u32 {
        let rest = Duration::from_micros(u64::from(value % 3) * 100);
        rustyray::sleep(rest).await;
        self.0.borrow_mut().push(value);
        value
    }

    fn all(&self) -> Vec<u32> {
        self.0.borrow().clone()
    }
}

/// Serves one call at a time.
#[rustyray::actor]
struct Single;

#[rustyray::actor_methods]
impl Single {
    fn new() -> Self {
        Single
    }

    fn get(&self) -> u32 {
        1
    }
}

/// A value that comes when somebody opens the gate.
#[rustyray::actor(max_concurrency = 100)]
struct Gate {
    open: Cell<Option<u32>>,
    waiting: RefCell<Vec<Waker>>,
}

#[rustyray::actor_methods]
impl Gate {
    fn new() -> Self {
        Gate { open: Cell::new(None), waiting: RefCell::default() }
    }

    async fn value(&self) -> u32 {
        poll_fn(|context| match self.open.get() {
            Some(value) => Poll::Ready(value),
            None => {
                self.waiting.borrow_mut().push(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }

    fn open(&self, value: u32) {
        self.open.set(Some(value));
        self.waiting.take().into_iter().for_each(Waker::wake);
    }
}

/// A call that calls the actor that it runs on, and waits for that.
#[rustyray::remote]
async fn calls_itself(hall: HallHandle) -> Result<u32> {
    let (first, second) = (hall.meet(2), hall.meet(2));
    Ok(first.await? + second.await?)
}

fn main() {}
