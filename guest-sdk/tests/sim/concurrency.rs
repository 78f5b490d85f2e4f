//! Actors that serve several calls at once.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::Poll;

use futures::future::join_all;
use rustyray::prelude::*;
use rustyray::{block_on, sleep, testing};

const SECOND: Duration = Duration::from_secs(1);

#[rustyray::actor(max_concurrency = 3, concurrency_groups = "side=2, single=1", max_restarts = 1)]
struct Desk {
    log: RefCell<Vec<u32>>,
    open: Cell<bool>,
    left: Cell<u32>,
    total: u64,
}

struct Visitor<'a>(&'a Desk);

impl Drop for Visitor<'_> {
    fn drop(&mut self) {
        self.0.left.set(self.0.left.get() + 1);
    }
}

#[rustyray::actor_methods]
impl Desk {
    fn new() -> Self {
        Desk { log: RefCell::default(), open: Cell::new(false), left: Cell::new(0), total: 0 }
    }

    async fn nap(&self, time: Duration) -> u32 {
        let _visitor = Visitor(self);
        sleep(time).await;
        rustyray::context().attempt
    }

    async fn wait_for(&self, value: Vec<ObjectRef<u32>>) -> Result<u32> {
        value[0].clone().await
    }

    fn block_for(&self, value: Vec<ObjectRef<u32>>) -> Result<u32> {
        value[0].blocking_get()
    }

    /// Waits in a way that holds up the others.
    fn block(&self, time: Duration) {
        block_on(sleep(time));
    }

    /// Looks again and again, without anything to wait for.
    async fn until_open(&self) -> u32 {
        let mut looks = 0;
        poll_fn(|context| {
            looks += 1;
            context.waker().wake_by_ref();
            if self.open.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        looks
    }

    async fn add(&self, a: u32, b: u32) -> u32 {
        a + b
    }

    /// Never awaits, but listens.
    async fn patient(&self) -> u32 {
        let mut looks = 0;
        while !rustyray::context().cancelled {
            looks += 1;
        }
        looks
    }

    fn open(&self) {
        self.open.set(true);
    }

    async fn alone(&mut self, time: Duration) -> u64 {
        let before = self.total;
        sleep(time).await;
        self.total = before + 1;
        self.total
    }

    fn endless(&self) -> impl Iterator<Item = u32> {
        let visitor = Visitor(self);
        (0..).inspect(move |_| debug_assert!(visitor.0.total == 0))
    }

    async fn kill_itself(&self, own: DeskHandle) {
        rustyray::kill(&own);
        unreachable!("it is dead");
    }

    #[rustyray::method(concurrency_group = "single")]
    async fn note(&self, value: u32, time: Duration) {
        sleep(time).await;
        self.log.borrow_mut().push(value);
    }

    #[rustyray::method(concurrency_group = "side")]
    fn log(&self) -> (Vec<u32>, u32) {
        (self.log.borrow().clone(), self.left.get())
    }
}

fn kind<T: std::fmt::Debug>(outcome: Result<T>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

#[rustyray::test]
async fn time_passes_for_all_of_them_at_once() -> Result<()> {
    let desk = Desk::remote();
    let naps: Vec<_> = (0..4).map(|_| desk.nap(3600 * SECOND)).collect();
    rustyray::get_all(&naps).await?;
    assert_eq!(testing::elapsed(), 7200 * SECOND, "three at a time");
    let desk = Desk::options().max_concurrency(1).remote();
    let naps: Vec<_> = (0..4).map(|_| desk.nap(SECOND)).collect();
    rustyray::get_all(&naps).await?;
    assert_eq!(testing::elapsed(), 7204 * SECOND, "one at a time");
    Ok(())
}

#[rustyray::test]
async fn a_group_of_one_keeps_its_order_beside_the_others() -> Result<()> {
    let desk = Desk::remote();
    let naps: Vec<_> = (0..5).map(|_| desk.nap(60 * SECOND)).collect();
    let notes = [desk.note(1, 2 * SECOND), desk.note(2, SECOND), desk.note(3, Duration::ZERO)];
    rustyray::get_all(&notes).await?;
    assert_eq!((desk.log().await?, testing::elapsed()), ((vec![1, 2, 3], 0), 3 * SECOND));
    rustyray::get_all(&naps).await?;
    assert_eq!(desk.log().await?.1, 5);
    Ok(())
}

#[rustyray::test]
async fn what_takes_the_state_for_itself_runs_alone() -> Result<()> {
    let desk = Desk::remote();
    let naps = [desk.nap(SECOND), desk.nap(SECOND)];
    let alone = [desk.alone(SECOND), desk.alone(SECOND)];
    let nap = desk.nap(SECOND);
    assert_eq!(rustyray::get_all(&alone).await?, [1, 2]);
    assert_eq!(testing::elapsed(), 3 * SECOND);
    rustyray::get_all(&naps).await?;
    nap.await?;
    assert_eq!(testing::elapsed(), 4 * SECOND, "behind them");
    Ok(())
}

#[rustyray::test]
async fn who_looks_again_and_again_lets_the_others_have_their_turn() -> Result<()> {
    let desk = Desk::remote();
    let looks = desk.until_open();
    sleep(SECOND).await;
    desk.open().await?;
    assert!(looks.await? > 32);
    Ok(())
}

#[rustyray::test]
async fn one_that_never_awaits_can_listen() {
    let desk = Desk::remote();
    for force in [true, false] {
        let (patient, nap) = (desk.patient(), desk.nap(SECOND));
        sleep(SECOND).await;
        rustyray::cancel_with(&patient, force, true).unwrap();
        match force {
            true => assert_eq!(kind(patient.await), ErrorKind::TaskCancelled),
            false => assert!(patient.await.unwrap() > 0, "it returned what it had"),
        }
        nap.await.unwrap();
    }
    assert_eq!(desk.generation(), 1);
}

#[rustyray::test]
async fn one_that_blocks_past_its_deadline_takes_the_others_with_it() {
    let desk = Desk::remote();
    let again = desk.with_options(TaskOptions::new().max_retries(1).retry_backoff(Duration::ZERO));
    let (nap, again) = (desk.nap(60 * SECOND), again.nap(60 * SECOND));
    let short = desk.with_options(TaskOptions::new().timeout(SECOND));
    assert_eq!(kind(short.block(60 * SECOND).await), ErrorKind::TaskTimedOut);
    assert_eq!(testing::elapsed(), SECOND + Duration::from_millis(100), "it had a while to await");
    let lost = nap.await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ActorUnavailable);
    assert!(lost.to_string().contains("with another call, concurrency::Desk.block: it had 1s"), "{lost}");
    assert_eq!((again.await.unwrap(), desk.generation()), (2, 2));
    assert_eq!(kind(short.block(SECOND + Duration::from_millis(50)).await), ErrorKind::TaskTimedOut);
    assert_eq!(desk.generation(), 2, "it came to its end in time");
}

#[rustyray::test]
async fn one_that_was_ended_before_it_ran_is_begun_once_more() -> Result<()> {
    let desk = Desk::remote();
    let blocks = desk.block(Duration::from_millis(15));
    let options = TaskOptions::new().timeout(Duration::from_millis(10)).max_retries(1).retry_backoff(Duration::ZERO);
    let nap = desk.with_options(options).nap(Duration::from_millis(1));
    assert_eq!(nap.await?, 2);
    blocks.await?;
    assert_eq!(desk.log().await?.1, 1, "nobody else came in");
    assert_eq!(testing::elapsed(), Duration::from_millis(16));
    Ok(())
}

#[rustyray::test]
async fn what_comes_while_one_blocks_is_served_with_it() {
    let desk = Desk::remote();
    let short = desk.with_options(TaskOptions::new().timeout(SECOND));
    let blocks = short.block(60 * SECOND);
    sleep(SECOND / 2).await;
    let naps: Vec<_> = (0..3).map(|_| desk.nap(SECOND)).collect();
    let after = naps[0].clone();
    let waits = desk.wait_for(vec![after]);
    assert_eq!(kind(blocks.await), ErrorKind::TaskTimedOut);
    let outcomes = join_all(naps.into_iter().map(IntoFuture::into_future)).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.map_err(|error| error.kind())).collect();
    let lost = Err(ErrorKind::ActorUnavailable);
    assert_eq!(outcomes, [lost, lost, Ok(1)], "there was room for two");
    assert_eq!(kind(waits.await), ErrorKind::TaskFailed);
}

#[rustyray::test]
async fn a_chain_that_fails_does_so_one_after_the_other() {
    let desk = Desk::remote();
    let mut last = Desk::options().max_concurrency(0).remote().add(0, 0);
    for _ in 0..20_000 {
        last = desk.add(last, 1);
    }
    assert_eq!(kind(last.await), ErrorKind::DependencyFailed);
}

#[rustyray::test]
async fn who_blocks_is_not_disturbed() -> Result<()> {
    let (desk, other) = (Desk::remote(), Desk::remote());
    let naps = [desk.nap(60 * SECOND), desk.nap(60 * SECOND)];
    sleep(SECOND).await;
    let blocks = desk.block_for(vec![other.nap(SECOND)]);
    sleep(SECOND / 2).await;
    rustyray::cancel_with(&naps[0], false, true)?;
    rustyray::cancel(&naps[1])?;
    assert_eq!(kind(naps[1].get().await), ErrorKind::TaskCancelled);
    assert_eq!(testing::elapsed(), 3 * SECOND / 2, "it waited for nobody");
    assert_eq!(naps[0].get().await?, 1, "it tidied up");
    assert_eq!(testing::elapsed(), 2 * SECOND, "when it had its turn");
    assert_eq!(blocks.await?, 1);
    Ok(())
}

#[rustyray::test]
async fn what_is_ended_drops_what_it_held() -> Result<()> {
    let desk = Desk::remote();
    let nap = desk.nap(3600 * SECOND);
    let mut items = desk.endless();
    assert_eq!(items.next().await.unwrap()?, 0);
    drop(items);
    rustyray::cancel(&nap)?;
    assert_eq!(kind(nap.await), ErrorKind::TaskCancelled);
    sleep(SECOND).await;
    assert_eq!(desk.log().await?.1, 2);
    assert_eq!(testing::live_objects(), 1, "that it is ready");
    drop(desk);
    assert_eq!(testing::live_objects(), 0);
    Ok(())
}

#[rustyray::test]
async fn it_is_killed_by_one_of_its_own() {
    let desk = Desk::remote();
    let (nap, kills) = (desk.nap(SECOND), desk.kill_itself(desk.clone()));
    assert_eq!((kind(nap.await), kind(kills.await)), (ErrorKind::ActorDied, ErrorKind::ActorDied));
    assert_eq!(kind(desk.nap(SECOND).await), ErrorKind::ActorDied);
    assert_eq!(testing::elapsed(), Duration::ZERO);
}

/// Waits for a call that its actor has no room for.
#[rustyray::actor(max_concurrency = 1)]
struct Full;

#[rustyray::actor_methods]
impl Full {
    fn new() -> Self {
        Full
    }

    async fn again(&self, own: FullHandle, times: u32) -> Result<u32> {
        if times == 0 { Ok(0) } else { own.again(own.clone(), times - 1).await }
    }
}

#[rustyray::test]
async fn who_waits_in_vain_for_room_is_told() {
    let full = Full::remote();
    assert_eq!(full.again(full.clone(), 0).await.unwrap(), 0);
    assert_eq!(kind(full.again(full.clone(), 1).await), ErrorKind::Deadlock);
}

#[rustyray::test]
async fn calls_that_block_each_other_are_told_the_circle() {
    let [a, b] = ["a", "b"].map(|name| Desk::options().name(name).remote());
    // Suspended, until the actors block for each other's.
    let naps = [a.nap(SECOND), b.nap(SECOND)];
    sleep(SECOND / 2).await;
    let values = naps.clone().map(|nap| vec![nap]);
    let [for_a, for_b] = values;
    let blocked = [a.block_for(for_b), b.block_for(for_a)];
    let outcomes = join_all(blocked.map(IntoFuture::into_future)).await;
    let told: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(told.len(), 1, "the other goes on: {outcomes:?}");
    let circle = told[0].causes().into_iter().find(|cause| cause.kind == ErrorKind::Deadlock).unwrap();
    assert!(circle.message.contains("a.nap") && circle.message.contains("b.nap"), "{}", circle.message);
    rustyray::get_all(&naps).await.unwrap();
}

#[rustyray::test]
async fn a_value_that_fails_is_the_calls_own_error() -> Result<()> {
    let desk = Desk::remote();
    let nap = desk.nap(SECOND);
    let fails = Desk::options().max_concurrency(0).remote().wait_for(Vec::new());
    assert_eq!(kind(desk.wait_for(vec![fails]).await), ErrorKind::TaskFailed);
    assert_eq!(nap.await?, 1);
    Ok(())
}

#[rustyray::test]
async fn the_test_may_end_while_some_are_served() {
    let desk = Desk::remote();
    let _naps = [desk.nap(SECOND), desk.nap(SECOND)];
    sleep(SECOND / 2).await;
    let _queued = (desk.nap(SECOND), desk.alone(SECOND));
}
