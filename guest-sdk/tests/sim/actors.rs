//! Actors: order, state, names, crashes, checkpoints, and how they end.

use rustyray::ActorPool;
use rustyray::prelude::*;

#[rustyray::actor(checkpoint)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
pub struct Counter {
    value: u32,
}

#[rustyray::actor_methods]
impl Counter {
    pub fn new() -> Self {
        Counter { value: 0 }
    }

    pub fn starting_at(value: i32) -> Result<Self> {
        Ok(Counter { value: u32::try_from(value)? })
    }

    pub async fn add(&mut self, amount: u32) -> u32 {
        rustyray::sleep(Duration::from_millis(10)).await;
        self.value += amount;
        self.value
    }

    pub fn crash(&mut self, from: u32) -> u32 {
        let generation = rustyray::context().actor.unwrap().generation;
        assert!(generation >= from, "generation {generation} crashes");
        generation
    }

    pub fn keep(&mut self) -> Result<()> {
        rustyray::checkpoint()
    }

    pub fn exit(&mut self) -> Result<u32> {
        rustyray::exit_actor()?;
        Ok(self.value)
    }

    pub fn refuse(&self) -> Result<()> {
        rustyray::bail!("no")
    }

    pub fn spin(&self) -> Result<()> {
        rustyray::block_on(rustyray::sleep(Duration::from_secs(3600)));
        Ok(())
    }
}

#[rustyray::remote]
async fn count_up(counter: CounterHandle, times: u32) -> Result<()> {
    for _ in 0..times {
        counter.add(1).await?;
    }
    Ok(())
}

#[rustyray::remote]
async fn add_by_name(name: String) -> Result<u32> {
    rustyray::get_actor::<Counter>(&name).await?.add(1).await
}

fn kind<T: std::fmt::Debug>(outcome: Result<T>) -> ErrorKind {
    outcome.unwrap_err().kind()
}

#[rustyray::test]
async fn calls_are_served_in_their_order_and_handles_travel() -> Result<()> {
    let counter = Counter::remote_starting_at(10).await?;
    let calls: Vec<_> = (1..=5).map(|amount| counter.add(amount)).collect();
    assert_eq!(rustyray::get_all(&calls).await?, [11, 13, 16, 20, 25]);
    let workers: Vec<_> = (0..4).map(|_| count_up.remote(counter.clone(), 5)).collect();
    rustyray::get_all(&workers).await?;
    assert_eq!(counter.add(0).await?, 45);
    Ok(())
}

#[rustyray::test]
async fn a_call_whose_argument_is_missing_holds_up_the_next() {
    let (slow, counter) = (Counter::remote(), Counter::remote());
    let calls = [counter.add(slow.add(5)), counter.add(1)];
    assert_eq!(rustyray::get_all(&calls).await.unwrap(), [5, 6]);
}

#[rustyray::test]
async fn a_constructor_that_fails_fails_the_calls() {
    let counter = Counter::remote_starting_at(-1);
    assert_eq!(kind(counter.add(1).await), ErrorKind::ActorDied);
    assert_eq!(kind(counter.await), ErrorKind::TaskFailed);
}

#[rustyray::test]
async fn its_own_errors_do_not_end_it() {
    let counter = Counter::remote();
    assert_eq!(counter.refuse().await.unwrap_err().to_string(), "actors::Counter.refuse: no");
    assert_eq!(counter.add(1).await.unwrap(), 1);
}

#[rustyray::test]
async fn it_starts_again_as_often_as_it_may() {
    let counter = Counter::options().max_restarts(1).remote_starting_at(10);
    counter.add(5).await.unwrap();
    let calls = [counter.crash(9), counter.add(1)];
    let crashed = calls[0].get().await.unwrap_err();
    assert_eq!((crashed.kind(), crashed.panic()), (ErrorKind::ActorUnavailable, Some("generation 1 crashes")));
    assert_eq!(calls[1].get().await.unwrap(), 11, "with fresh state, and those behind it stay");
    assert_eq!((counter.generation(), kind(counter.crash(9).await)), (2, ErrorKind::ActorDied));
    assert_eq!(kind(counter.add(1).await), ErrorKind::ActorDied);
}

#[rustyray::test]
async fn a_call_is_served_again_in_its_place() {
    let counter = Counter::options().max_restarts(5).max_task_retries(2).remote();
    let calls = [counter.crash(3), counter.add(1)];
    assert_eq!(calls[0].get().await.unwrap(), 3);
    assert_eq!(calls[1].get().await.unwrap(), 1);
}

#[rustyray::test]
async fn it_goes_on_from_its_checkpoint() {
    let counter = Counter::options().max_restarts(1).remote();
    counter.add(5).await.unwrap();
    counter.keep().await.unwrap();
    counter.add(5).await.unwrap();
    assert_eq!(kind(counter.crash(9).await), ErrorKind::ActorUnavailable);
    assert_eq!(counter.add(1).await.unwrap(), 6);
}

#[rustyray::test]
async fn names_are_unique_in_their_namespace() -> Result<()> {
    let counter = Counter::options().name("one").remote_starting_at(7);
    assert_eq!(add_by_name.remote("one".to_owned()).await?, 8);
    assert_eq!(kind(Counter::options().name("one").remote().await), ErrorKind::ActorNameTaken);
    let other = Counter::options().name("one").namespace("mine").remote().await?;
    assert_eq!(rustyray::get_actor_in::<Counter>("mine", "one").await?.add(1).await?, 1);
    let same = Counter::options().name("one").get_if_exists().remote();
    assert_eq!(same.add(0).await?, 8);
    drop((counter, same, other));
    let gone = rustyray::get_actor::<Counter>("one").await.unwrap_err();
    assert_eq!((gone.kind(), gone.to_string().as_str()), (ErrorKind::ActorNotFound, "no actor is named 'one'"));
    Ok(())
}

#[rustyray::test]
async fn a_detached_one_stays_and_others_end_with_their_last_handle() {
    drop(Counter::options().name("stays").detached().remote_starting_at(3));
    let last = Counter::options().name("goes").remote().add(1);
    assert_eq!(last.await.unwrap(), 1, "the calls that wait are served");
    assert_eq!(kind(rustyray::get_actor::<Counter>("goes").await), ErrorKind::ActorNotFound);
    let stays = rustyray::get_actor::<Counter>("stays").await.unwrap();
    assert_eq!(stays.add(1).await.unwrap(), 4);
}

#[rustyray::test]
async fn it_can_end_itself() {
    let counter = Counter::options().max_restarts(3).remote();
    let calls = [counter.exit(), counter.add(1)];
    assert_eq!(calls[0].get().await.unwrap(), 0);
    let dead = calls[1].get().await.unwrap_err();
    assert_eq!((dead.kind(), dead.causes()[0].message.as_str()), (ErrorKind::ActorDied, "it ended itself"));
    assert_eq!(kind(rustyray::exit_actor()), ErrorKind::InvalidArgument);
    assert_eq!(kind(rustyray::checkpoint()), ErrorKind::InvalidArgument);
}

#[rustyray::test]
async fn it_is_killed_wherever_it_is() {
    let counter = Counter::options().max_restarts(1).remote();
    let spins = counter.spin();
    rustyray::sleep(Duration::from_millis(1)).await;
    assert!(!counter.kill_generation(7));
    assert!(counter.restart_generation(1));
    assert_eq!(kind(spins.await), ErrorKind::ActorUnavailable);
    assert!(!counter.restart_generation(1), "it is another one by now");
    assert_eq!(counter.add(1).await.unwrap(), 1);
    let spins = counter.spin();
    rustyray::sleep(Duration::from_millis(1)).await;
    rustyray::kill(&counter);
    assert_eq!((kind(spins.await), kind(counter.add(1).await)), (ErrorKind::ActorDied, ErrorKind::ActorDied));

    let idle = Counter::remote().await.unwrap();
    rustyray::kill(&idle);
    assert_eq!(kind(idle.add(1).await), ErrorKind::ActorDied);
    let unborn = Counter::remote();
    rustyray::kill(&unborn);
    assert_eq!(kind(unborn.await), ErrorKind::ActorDied);
}

#[rustyray::test]
async fn a_full_mailbox_takes_no_more() {
    let counter = Counter::options().max_pending_calls(2).remote().await.unwrap();
    let calls = [counter.add(1), counter.add(1), counter.add(1)];
    assert_eq!(kind(calls[2].get().await), ErrorKind::PendingCallsLimitExceeded);
    assert_eq!(calls[1].get().await.unwrap(), 2);
}

#[rustyray::test]
async fn a_pool_shares_work() {
    let mut pool = ActorPool::new((0..3).map(|_| Counter::remote()));
    let before = rustyray::testing::elapsed();
    let sums = pool.map(1..=9u32, |counter, n| counter.add(n)).await.unwrap();
    assert_eq!(sums.len(), 9);
    assert_eq!(rustyray::testing::elapsed() - before, Duration::from_millis(30), "three at a time");
}
