//! A well-behaved neighbour: modules of its own on the host that is attacked, real work in tasks and in an actor, and
//! every result checked.

use std::sync::Arc;

use rustyray_host::{ActorHandle, Host, Module};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use rustyray_testkit::guest;
use rustyray_tests::{value, within};

/// Rounds that show that work goes on.
const ROUNDS: u32 = 3;

/// The name of its actor.
pub const NAME: &str = "the neighbour's counter";

/// A neighbour at work.
pub struct Neighbour {
    /// The module of its actor.
    pub actors: Module,
    working: JoinHandle<()>,
    rounds: watch::Receiver<u32>,
    stop: watch::Sender<bool>,
    rest: watch::Sender<bool>,
}

struct Home {
    host: Arc<Host>,
    tasks: Module,
    counter: ActorHandle,
}

impl Neighbour {
    /// Begins to work.
    pub async fn move_in(host: Arc<Host>) -> Self {
        let tasks = host.load_file(guest("waiting")).await.expect("the neighbour loads");
        let actors = host.load_file(guest("actors")).await.expect("the neighbour loads");
        // By its name it is found by whoever is granted it.
        actors.register().expect("nobody has its name");
        let options = rustyray_host::ActorOptions::new().name(NAME);
        let counter = actors.actor("Counter").options(options).create();
        let home = Home { host, tasks, counter };
        let (finished, rounds) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let (rest, mut resting) = watch::channel(false);
        let working = tokio::spawn(async move {
            let mut round = 0;
            while !*stopped.borrow() {
                // Who rests is never gone: the sender lives as long as the neighbour is here.
                let _ = resting.wait_for(|resting| !resting).await;
                round += 1;
                home.work(round).await;
                finished.send_replace(round);
            }
        });
        Neighbour { actors, working, rounds, stop, rest }
    }

    /// It rests until it is to work on: an attack on another host that takes long needs the machine for itself.
    pub fn rests(&self) {
        self.rest.send_replace(true);
    }

    /// Waits until it has done some rounds that began after this.
    pub async fn works_on(&self) {
        self.rest.send_replace(false);
        let mut rounds = self.rounds.clone();
        // The round that it is in began before.
        let enough = *rounds.borrow() + 1 + ROUNDS;
        let done = within(rounds.wait_for(|round| *round >= enough), "the neighbour's work").await;
        assert!(done.is_ok(), "the neighbour was disturbed");
    }

    /// Repeats an attack that ends by itself until the neighbour has worked on beside it.
    pub async fn works_beside(&self, mut attack: impl AsyncFnMut()) {
        let enough = *self.rounds.borrow() + 1 + ROUNDS;
        while *self.rounds.borrow() < enough {
            attack().await;
            assert!(!self.working.is_finished(), "the neighbour was disturbed");
        }
    }

    /// Ends its work, all of which must have been well.
    pub async fn move_out(self) {
        self.stop.send_replace(true);
        self.rest.send_replace(false);
        within(self.working, "the neighbour's last round").await.expect("the neighbour was not disturbed");
    }
}

impl Home {
    /// Tasks that submit tasks and wait for them, and a call to the actor, which has counted every round.
    async fn work(&self, round: u32) {
        let chain = self.tasks.task("chain").arg(3u32).submit().await;
        let next = self.tasks.task("increment").arg_ref(&chain).submit().await;
        let counted = self.counter.call("add").arg(1i32).submit().await;
        assert_eq!(value::<u32>(&self.host, &next).await, 4);
        assert_eq!(value::<i32>(&self.host, &counted).await, round as i32);
    }
}
