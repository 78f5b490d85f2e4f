//! Programs that do what chance says: they end, leave nothing behind, and do the same once more.

use std::cell::Cell;

use futures::future::join_all;
use rustyray::prelude::*;
use rustyray::{sleep, testing};

/// Steps of one program.
const STEPS: u32 = 150;

/// Programs.
const SEEDS: u64 = 20;

/// Hears of everything that runs, in order.
#[rustyray::actor(name = "Heard")]
struct Heard {
    lines: Vec<String>,
}

#[rustyray::actor_methods]
impl Heard {
    fn new() -> Self {
        Heard { lines: Vec::new() }
    }

    fn hear(&mut self, line: String) {
        self.lines.push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }
}

#[rustyray::actor(max_restarts = 3, checkpoint_every = 2)]
#[derive(Serialize, Deserialize)]
#[serde(crate = "rustyray::serde")]
struct Worker {
    done: u64,
}

#[rustyray::actor_methods]
impl Worker {
    fn new() -> Self {
        Worker { done: 0 }
    }

    async fn work(&mut self, milliseconds: u64, fate: u64) -> Result<u64> {
        sleep(Duration::from_millis(milliseconds)).await;
        self.done += 1;
        match fate % 8 {
            0 => panic!("it is its fate"),
            1 => rustyray::bail!("it gives up"),
            _ => Ok(self.done),
        }
    }

    fn items(&self, count: u64) -> impl Iterator<Item = u64> {
        0..count
    }
}

/// Serves several at once.
#[rustyray::actor(max_restarts = 3, max_concurrency = 2, concurrency_groups = "side=1")]
struct Desk {
    done: Cell<u64>,
}

#[rustyray::actor_methods]
impl Desk {
    fn new() -> Self {
        Desk { done: Cell::new(0) }
    }

    async fn serve(&self, value: Vec<ObjectRef<u64>>, milliseconds: u64, fate: u64) -> Result<u64> {
        sleep(Duration::from_millis(milliseconds)).await;
        let value = match value.first() {
            Some(value) if fate.is_multiple_of(3) => value.blocking_get_timeout(Duration::from_millis(milliseconds))?,
            Some(value) => value.clone().await?,
            None => 0,
        };
        self.done.set(self.done.get() + 1);
        match fate % 8 {
            0 => panic!("it is its fate"),
            1 => rustyray::bail!("it gives up"),
            _ => Ok(self.done.get() + value),
        }
    }

    async fn tidy(&mut self, milliseconds: u64) -> u64 {
        sleep(Duration::from_millis(milliseconds)).await;
        self.done.take()
    }

    #[rustyray::method(concurrency_group = "side")]
    fn items(&self, count: u64) -> impl Iterator<Item = u64> {
        0..count
    }

    fn leave(&self) -> Result<u64> {
        rustyray::exit_actor()?;
        Ok(0)
    }
}

#[rustyray::remote(max_retries = 1)]
fn task(heard: HeardHandle, name: String, depth: u64, milliseconds: u64, fate: u64) -> Result<u64> {
    heard.hear(format!("{name} begins at {:?}", testing::elapsed())).blocking_get()?;
    let mut below = Ok(0);
    if depth > 0 {
        let child = task.remote(heard.clone(), format!("{name}'"), depth - 1, milliseconds / 2, fate / 3);
        below = child.blocking_get_timeout(Duration::from_millis(milliseconds + 5));
    }
    rustyray::block_on(sleep(Duration::from_millis(milliseconds)));
    heard.hear(format!("{name} goes on at {:?}", testing::elapsed())).blocking_get()?;
    match fate % 9 {
        0 => panic!("it is its fate"),
        1 => below,
        _ => Ok(depth),
    }
}

#[rustyray::remote]
fn sum(parts: Vec<ObjectRef<u64>>, last: u64) -> u64 {
    parts.iter().filter_map(|part| part.blocking_get().ok()).sum::<u64>() + last
}

#[rustyray::remote]
fn endless(from: u64) -> impl Iterator<Item = u64> {
    from..
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[derive(Default)]
struct Program {
    made: Vec<ObjectRef<u64>>,
    workers: Vec<WorkerHandle>,
    desks: Vec<DeskHandle>,
    streams: Vec<ObjectStream<u64>>,
}

impl Program {
    fn any(&self, chance: &mut Chance) -> Option<&ObjectRef<u64>> {
        self.made.get(chance.below(self.made.len().max(1) as u64) as usize)
    }

    async fn step(&mut self, heard: &HeardHandle, number: u32, chance: &mut Chance) -> Result<()> {
        let (time, fate) = (chance.below(30), chance.below(1000));
        let worker = self.workers.get(chance.below(4) as usize);
        match chance.below(20) {
            0..=2 => {
                let options = task.options().priority(fate as i32 % 3).timeout(Duration::from_millis(40));
                self.made.push(options.remote(heard.clone(), format!("task {number}"), chance.below(4), time, fate));
            }
            3 => self.workers.push(Worker::remote()),
            4 => self.made.extend(worker.map(|worker| worker.work(time, fate))),
            5 => self.streams.extend(worker.map(|worker| worker.items(fate))),
            6 => self.streams.push(endless.remote(fate)),
            7 => self.made.extend(self.streams.last_mut().and_then(ObjectStream::next_ref)),
            8 => drop((self.streams.pop(), (fate % 2 == 0).then(|| self.workers.pop()))),
            9 => {
                if let Some(any) = self.any(chance) {
                    rustyray::cancel_with(any, fate % 2 == 0, fate % 3 == 0)?;
                }
            }
            10 => drop(worker.map(|worker| (worker.generation(), worker.kill_generation(1), worker.restart()))),
            11 => self.made.extend(self.any(chance).map(|last| sum.remote(self.made.clone(), last))),
            12 => drop(join_all(self.any(chance).map(|any| any.get().timeout(Duration::from_millis(time)))).await),
            13 => self.desks.push(Desk::remote()),
            14..=18 => self.visit(chance),
            _ => sleep(Duration::from_millis(time)).await,
        }
        Ok(())
    }

    /// Asks something of a desk.
    fn visit(&mut self, chance: &mut Chance) {
        let (time, fate) = (chance.below(30), chance.below(1000));
        let Some(desk) = self.desks.get(chance.below(3) as usize) else { return };
        let options = TaskOptions::new().timeout(Duration::from_millis(20)).max_retries(fate as u32 % 3);
        let desk = if fate % 2 == 0 { desk.with_options(options) } else { desk.clone() };
        match chance.below(16) {
            0 => self.streams.push(desk.items(fate)),
            1 => self.made.push(desk.tidy(time)),
            2 => drop((desk.kill_generation(3), desk.restart())),
            3 => self.made.push(desk.leave()),
            4 => drop(self.desks.pop()),
            _ => {
                let value: Vec<_> = self.any(chance).cloned().into_iter().collect();
                self.made.push(desk.serve(value, time, fate));
            }
        }
    }
}

/// What was heard of a program, and when it was over.
fn program(seed: u64) -> (Vec<String>, Vec<Result<u64, ErrorKind>>, Duration) {
    rustyray::test(async {
        let (heard, mut chance, mut program) = (Heard::remote(), Chance(seed), Program::default());
        for number in 0..STEPS {
            program.step(&heard, number, &mut chance).await.unwrap();
        }
        program.streams.clear();
        let outcomes = join_all(program.made.iter().map(|made| made.get())).await;
        let outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(|error| error.kind())).collect();
        let (lines, elapsed) = (heard.lines().await.unwrap(), testing::elapsed());
        drop((heard, program));
        // What was let go of may nap for a while yet.
        sleep(Duration::from_secs(60)).await;
        assert_eq!(testing::live_objects(), 0, "seed {seed}");
        (lines, outcomes, elapsed)
    })
}

#[test]
fn whatever_happens_happens_again() {
    for seed in 0..SEEDS {
        let (first, second) = (program(seed), program(seed));
        assert!(first == second, "seed {seed}:\n{first:#?}\n{second:#?}");
        assert!(!first.0.is_empty() && first.1.iter().any(Result::is_ok), "seed {seed} did nothing");
    }
}
