//! What a program meets of actors that serve several calls at once.

use std::cell::{Cell, RefCell};

use futures::channel::oneshot;
use rustyray::prelude::*;
use rustyray::sleep;

use super::{Node, NodeHandle, naps, told};

/// Where calls meet: they wait for each other in the instance's own memory, which only works when they run at once.
#[rustyray::actor(name = "Hall", max_concurrency = 3, concurrency_groups = "side=2")]
struct Hall {
    inside: Cell<u32>,
    most: Cell<u32>,
    left: Cell<u32>,
    total: u32,
    /// Who waits for so many to be inside.
    waiting: RefCell<Vec<(u32, oneshot::Sender<()>)>>,
}

/// Someone in the hall, who leaves however the call ends.
struct Guest<'a>(&'a Hall);

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.inside.set(self.0.inside.get() - 1);
        self.0.left.set(self.0.left.get() + 1);
    }
}

impl Hall {
    fn enter(&self) -> Guest<'_> {
        self.inside.set(self.inside.get() + 1);
        self.most.set(self.most.get().max(self.inside.get()));
        let (met, waiting): (Vec<_>, _) =
            self.waiting.take().into_iter().partition(|(count, _)| *count <= self.inside.get());
        *self.waiting.borrow_mut() = waiting;
        // Nobody is there any more where a call was ended while it waited.
        met.into_iter().for_each(|(_, met)| met.send(()).unwrap_or(()));
        Guest(self)
    }

    async fn so_many(&self, count: u32) {
        if self.inside.get() < count {
            let (met, meeting) = oneshot::channel();
            self.waiting.borrow_mut().push((count, met));
            let _ = meeting.await;
        }
    }
}

#[rustyray::actor_methods]
impl Hall {
    fn new() -> Self {
        Hall { inside: Cell::new(0), most: Cell::new(0), left: Cell::new(0), total: 0, waiting: RefCell::default() }
    }

    /// Ends when so many are inside at once.
    async fn meet(&self, count: u32) -> u32 {
        let _guest = self.enter();
        self.so_many(count).await;
        count
    }

    /// The same, without going in.
    #[rustyray::method(concurrency_group = "side")]
    async fn until(&self, count: u32) -> u32 {
        self.so_many(count).await;
        self.inside.get()
    }

    /// How many were inside at once, and how many have left.
    #[rustyray::method(concurrency_group = "side")]
    fn counts(&self) -> (u32, u32) {
        (self.most.get(), self.left.get())
    }

    /// Sleeps, but for an attempt that is good.
    async fn nap(&self, good: u32) -> Result<u32> {
        let _guest = self.enter();
        let context = rustyray::context();
        if context.attempt < good {
            sleep(Duration::from_secs(3600)).await;
            rustyray::bail!("{} woke, and was asked to stop: {}", context.name, rustyray::context().cancelled);
        }
        Ok(context.attempt)
    }

    /// Waits for two calls of the actor that it runs on.
    async fn pair(&self, own: HallHandle) -> Result<u32> {
        let (first, second) = (own.meet(2), own.meet(2));
        Ok(first.await? + second.await?)
    }

    /// Waits in a way that holds up the others as well.
    fn block(&self, begun: NodeHandle, value: Vec<ObjectRef<()>>) -> Result<()> {
        begun.add(1).blocking_get()?;
        value[0].blocking_get()
    }

    /// Waits, alone.
    async fn alone(&mut self, amount: u32) -> u32 {
        let before = self.total;
        sleep(Duration::from_millis(1)).await;
        assert_eq!(self.inside.get(), 0, "somebody else is inside");
        self.total = before + amount;
        self.total
    }

    /// How many are inside, again and again.
    fn counting(&self, times: u32) -> impl Iterator<Item = u32> {
        std::iter::repeat_n(self.inside.get(), times as usize)
    }

    async fn who(&self) -> (String, String, u32) {
        let _guest = self.enter();
        self.so_many(2).await;
        let context = rustyray::context();
        (context.name, context.function, context.actor.map_or(0, |actor| actor.generation))
    }

    async fn refuse(&self) -> Result<()> {
        rustyray::bail!("it refuses")
    }

    async fn crash(&self) -> Result<()> {
        panic!("the hall falls down")
    }

    fn leave(&self) -> Result<()> {
        rustyray::exit_actor()
    }
}

/// Serves one call at a time, in the way of those that serve several.
#[rustyray::actor(name = "Line", max_concurrency = 1)]
struct Line(RefCell<Vec<u32>>);

#[rustyray::actor_methods]
impl Line {
    fn new() -> Self {
        Line(RefCell::default())
    }

    async fn note(&self, value: u32) -> Vec<u32> {
        sleep(Duration::from_micros(u64::from(value % 3) * 100)).await;
        self.0.borrow_mut().push(value);
        self.0.borrow().clone()
    }
}

async fn meetings(lines: &mut Vec<String>) -> Result<()> {
    let hall = Hall::remote();
    lines.push(told(rustyray::get_all(&[hall.meet(3), hall.meet(3), hall.meet(3)]).await));
    lines.push(told(hall.pair(hall.clone()).await));
    let named = hall.with_options(TaskOptions::new().name("somebody"));
    let who = [named.who(), hall.who()];
    for who in &who {
        lines.push(told(who.get().await));
    }
    lines.push(told(hall.refuse().await));
    let line = Line::remote();
    let notes: Vec<_> = (0..5).map(|n| line.note(n)).collect();
    lines.push(told(notes[4].get().await));
    for calls in [0, 1, 1001] {
        lines.push(told(Hall::options().max_concurrency(calls).remote().meet(1).await));
    }
    lines.push(told(Node::options().max_concurrency(2).remote().await.map(drop)));
    lines.push(told(Node::options().max_concurrency(1).remote().add(1).await));
    Ok(())
}

async fn limits(lines: &mut Vec<String>) -> Result<()> {
    for (most, options) in [(3, Hall::options()), (2, Hall::options().max_concurrency(2))] {
        let hall = options.remote();
        let calls: Vec<_> = (0..5).map(|_| hall.meet(9)).collect();
        lines.push(told(hall.until(most).await));
        for call in calls.into_iter().rev() {
            rustyray::cancel(&call)?;
            lines.push(told(call.await));
        }
        lines.push(told(hall.counts().await));
    }
    let hall = Hall::remote();
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.extend([hall.alone(1), hall.meet(1)]);
    }
    lines.push(told(rustyray::get_all(&calls).await));
    let waits = hall.meet(2);
    hall.until(1).await?;
    let mut counts = hall.counting(40);
    let mut sum = 0;
    while let Some(count) = counts.next().await {
        sum += count?;
    }
    lines.push(format!("{sum} {}", told(counts.next_ref().expect("it was called").await)));
    lines.push(told(rustyray::get_all(&[hall.meet(2), waits]).await));
    Ok(())
}

async fn endings(lines: &mut Vec<String>) -> Result<()> {
    let hall = Hall::remote();
    let waits = hall.meet(3);
    for force in [true, false] {
        let nap = hall.nap(9);
        hall.until(2).await?;
        rustyray::cancel_with(&nap, force, true)?;
        lines.push(told(nap.await));
    }
    let short = hall.with_options(TaskOptions::new().timeout(Duration::from_millis(20)));
    lines.push(kind(short.nap(9).await));
    // Long enough for the second attempt, wherever it runs.
    let again = hall.with_options(TaskOptions::new().timeout(Duration::from_millis(200)).max_retries(1));
    lines.push(told(again.nap(2).await));
    lines.push(told(rustyray::get_all(&[hall.meet(3), hall.meet(3), waits]).await));
    for force in [true, false] {
        let (begun, nap) = (Node::remote(), naps.remote());
        let blocks = hall.block(begun.clone(), vec![nap]);
        while begun.add(0).await? == 0 {
            sleep(Duration::from_millis(1)).await;
        }
        let waits = hall.meet(1);
        rustyray::cancel_with(&blocks, force, false)?;
        lines.push(kind(blocks.await) + " " + &kind(waits.await));
    }
    lines.push(hall.generation().to_string());
    // What is past its deadline is not asked, and takes the others with it.
    let hall = hall.with_options(TaskOptions::new().timeout(Duration::from_millis(200)));
    let calls = (hall.block(Node::remote(), vec![naps.remote()]), hall.meet(1));
    lines.push(kind(calls.0.await) + " " + &kind(calls.1.await));
    Ok(())
}

async fn crashes(lines: &mut Vec<String>) -> Result<()> {
    let hall = Hall::options().max_restarts(2).remote();
    let again = hall.with_options(TaskOptions::new().max_retries(1));
    let calls = [again.meet(3), hall.meet(3)];
    hall.until(2).await?;
    lines.push(told(hall.crash().await));
    lines.push(told(calls[1].get().await));
    lines.push(told(rustyray::get_all(&[hall.meet(3), hall.meet(3), calls[0].clone()]).await));
    let calls = [hall.meet(3), hall.meet(3)];
    hall.until(2).await?;
    lines.push(hall.restart_generation(2).to_string());
    for call in calls {
        lines.push(told(call.await));
    }
    let waits = hall.meet(2);
    hall.until(1).await?;
    lines.push(told(hall.crash().await));
    lines.push(told(waits.await));
    lines.push(told(hall.meet(1).await));
    let killed = Hall::remote();
    let waits = killed.meet(2);
    killed.until(1).await?;
    rustyray::kill(&killed);
    lines.push(told(waits.await));
    // In order: those that are served come to their end.
    let hall = Hall::options().max_restarts(1).remote();
    let waits = hall.nap(9);
    hall.until(1).await?;
    lines.push(told(hall.leave().await));
    let late = hall.meet(1);
    rustyray::cancel(&waits)?;
    lines.push(told(waits.await));
    lines.push(told(late.await));
    Ok(())
}

fn kind<T: std::fmt::Debug>(outcome: Result<T>) -> String {
    outcome.map_or_else(|error| error.kind().to_string(), |value| format!("{value:?}"))
}

/// All of it.
/// Meets as a submitter of its own; gives how many it would have met alone.
#[rustyray::remote(name = "meets")]
async fn meets(hall: HallHandle, count: u32) -> Result<u32> {
    hall.meet(count).await?;
    Ok(1)
}

/// A call whose argument is not ready holds up nobody, not even those that its own submitter makes after it.
async fn arguments(lines: &mut Vec<String>) -> Result<()> {
    let hall = Hall::remote();
    let first = hall.meet(meets.remote(hall.clone(), 2));
    let second = hall.meet(2);
    lines.push(told(rustyray::get_all(&[second, first]).await));
    Ok(())
}

pub(super) async fn several(lines: &mut Vec<String>) -> Result<()> {
    meetings(lines).await?;
    limits(lines).await?;
    endings(lines).await?;
    crashes(lines).await?;
    arguments(lines).await
}
