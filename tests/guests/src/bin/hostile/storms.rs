//! Bombs of tasks and actors, and storms of cancellations and kills.

use rustyray::prelude::*;

/// Submits itself twice, and returns.
#[rustyray::remote]
fn fork() {
    drop((fork.remote(), fork.remote()));
}

/// Submits the next of its kind, some that wait for that, and stays.
#[rustyray::remote]
async fn runs_away(company: u32) {
    let next = runs_away.remote(company);
    let _company: Vec<_> = (0..company).map(|_| echo.remote(&next)).collect();
    loop {
        rustyray::sleep(Duration::from_secs(3600)).await;
    }
}

/// Submits itself twice, and waits for both.
#[rustyray::remote]
fn fork_and_wait() -> Result<()> {
    let both = [fork_and_wait.remote(), fork_and_wait.remote()];
    both.iter().try_for_each(ObjectRef::blocking_get)
}

/// Submits without end, and keeps all.
#[rustyray::remote]
fn hoard() {
    let mut all = Vec::new();
    loop {
        all.push(quick.remote());
    }
}

/// Submits what is before all others, without end.
#[rustyray::remote]
fn pushy() {
    loop {
        drop(quick.options().priority(i32::MAX).remote());
    }
}

#[rustyray::remote]
fn quick() -> u32 {
    1
}

#[rustyray::remote]
fn spin() {
    loop {
        std::hint::black_box(());
    }
}

/// For ever: a sleep ends early when the task is asked to stop.
#[rustyray::remote]
async fn sleeps() {
    loop {
        rustyray::sleep(Duration::from_secs(3600)).await;
    }
}

/// Submits and cancels, running, waiting and done ones.
#[rustyray::remote]
async fn cancellations(rounds: u32) -> Result<u32> {
    let mut cancelled = 0;
    for round in 0..rounds {
        let task = if round % 2 == 0 { spin.remote() } else { sleeps.remote() };
        let behind = echo.remote(&task);
        for force in [false, true, true] {
            rustyray::cancel_with(&task, force, round % 3 == 0)?;
        }
        for ended in [task.await, behind.await] {
            if ended.is_err() {
                cancelled += 1;
            }
        }
    }
    Ok(cancelled)
}

#[rustyray::remote]
fn echo(value: ()) {
    value
}

/// Asks tasks to stop, again and again.
#[rustyray::remote]
fn polite_requests(tasks: Vec<ObjectRef<()>>, count: u32) -> Result<()> {
    for _ in 0..count {
        tasks.iter().try_for_each(|task| rustyray::cancel_with(task, false, true))?;
    }
    Ok(())
}

/// Has tasks that wait, and does not listen.
#[rustyray::remote]
fn stubborn(children: u32) {
    let never = sleeps.remote();
    let _waiting: Vec<_> = (0..children).map(|_| echo.remote(&never)).collect();
    println!("stubborn runs");
    loop {
        std::hint::black_box(rustyray::context().cancelled);
    }
}

/// Crashes, to be tried again.
#[rustyray::remote]
fn crash() {
    panic!("again")
}

/// Asks for more attempts than anybody needs.
#[rustyray::remote]
fn crash_often() -> Result<()> {
    crash.options().max_retries(u32::MAX).retry_backoff(Duration::ZERO).remote().blocking_get()
}

/// Can be told to do harm.
#[rustyray::actor(max_restarts = 1000)]
struct Drone {
    started: u32,
}

#[rustyray::actor_methods]
impl Drone {
    fn new() -> Self {
        Drone { started: rustyray::context().actor.map_or(0, |actor| actor.generation) }
    }

    fn generation(&self) -> u32 {
        self.started
    }

    fn spin(&self) {
        loop {
            std::hint::black_box(self.started);
        }
    }

    /// Calls itself, and waits for what it will never serve.
    async fn call_itself(&self, name: String) -> Result<u32> {
        rustyray::get_actor::<Drone>(&name).await?.generation().await
    }
}

/// Kills an actor while it spins, and has it start again.
#[rustyray::remote]
async fn kills(rounds: u32) -> Result<u32> {
    let drone = Drone::remote().await?;
    for _ in 0..rounds {
        let spinning = [drone.spin()];
        // A call that has not begun is served by the actor that is started next.
        loop {
            drone.restart();
            let (ended, _) = rustyray::wait(&spinning, 1, Some(Duration::from_millis(1))).await?;
            if !ended.is_empty() {
                break;
            }
        }
    }
    drone.kill();
    Ok(rounds)
}

/// Creates actors until none is made any more, and holds them.
#[rustyray::remote]
async fn actors() -> Result<()> {
    let mut drones = Vec::new();
    loop {
        drones.push(Drone::remote());
        if drones.len() == 1000 {
            println!("the drones are there");
            spin_for_ever();
        }
    }
}

fn spin_for_ever() -> ! {
    loop {
        std::hint::black_box(());
    }
}

/// Takes a name that another has, under all sorts of spellings.
#[rustyray::remote]
async fn squat(names: Vec<String>) -> Vec<String> {
    let mut said = Vec::new();
    for name in names {
        said.push(match Drone::options().name(name).remote().await {
            Ok(_) => "taken".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        });
    }
    said
}

/// Calls an actor that does not listen, until it is refused.
#[rustyray::remote]
async fn mailbox(limit: u32) -> Result<u32> {
    let drone = Drone::options().max_pending_calls(limit).remote().await?;
    let _spinning = drone.spin();
    let mut calls = Vec::new();
    for made in 0.. {
        calls.push(drone.generation());
        let last = calls.last().map(std::slice::from_ref).unwrap_or_default();
        let (refused, _) = rustyray::wait(last, 1, Some(Duration::ZERO)).await?;
        if !refused.is_empty() {
            drone.kill();
            return Ok(made);
        }
    }
    Ok(0)
}

/// Waits for itself.
#[rustyray::remote]
async fn deadlock(name: String) -> Result<u32> {
    let drone = Drone::options().name(name.clone()).remote().await?;
    drone.call_itself(name).await
}
