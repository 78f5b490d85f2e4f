//! Tasks that leave something behind which goes on without them.

use rustyray::prelude::*;

/// Computes for ever, also when it was asked to stop.
fn spin(text: &str) -> ! {
    println!("{text}");
    while !rustyray::context().cancelled {
        std::hint::black_box(text);
    }
    println!("it was asked");
    loop {
        std::hint::black_box(text);
    }
}

#[rustyray::actor]
struct Spinner;

#[rustyray::actor_methods]
impl Spinner {
    fn new() -> Self {
        Spinner
    }

    /// Constructs, and does not come to an end when it is started again.
    fn once() -> Self {
        if rustyray::context().actor.is_some_and(|actor| actor.generation > 1) {
            spin("it starts again");
        }
        Spinner
    }

    fn spin(&self) -> u32 {
        spin("it spins")
    }

    fn ping(&self) -> u32 {
        1
    }

    /// Goes on until it is asked to stop, and has others do so in its turn.
    fn hand_on(&self, other: SpinnerHandle, then: Option<SpinnerHandle>) -> u32 {
        println!("it hands on");
        while !rustyray::context().cancelled {
            std::hint::black_box(self);
        }
        match then {
            Some(then) => drop(other.hand_on(then, None)),
            None => drop(other.spin()),
        }
        println!("it has handed on");
        0
    }

    /// Leaves a child that sleeps for an hour, and crashes once that does.
    async fn leaves_and_falls(&self) -> u32 {
        drop(sleeps.remote());
        println!("it leaves a child");
        rustyray::sleep(Duration::from_millis(5)).await;
        std::process::abort()
    }

    /// Crashes when it is asked to stop.
    fn falls(&self) -> u32 {
        println!("it stands");
        while !rustyray::context().cancelled {
            std::hint::black_box(self);
        }
        panic!("as it is meant to")
    }
}

/// Sleeps for an hour.
#[rustyray::remote]
async fn sleeps() -> u32 {
    rustyray::sleep(Duration::from_secs(3600)).await;
    0
}

/// Waits for an actor that has another one go on when it is asked to stop.
#[rustyray::remote]
async fn hands_on(chain: bool) -> Result<u32> {
    let actor = |name: &str| Spinner::options().name(name).detached().remote();
    let (first, second, third) = (actor("first"), actor("second"), actor("third"));
    rustyray::get_all(&[second.ping(), third.ping()]).await?;
    first.hand_on(second, chain.then_some(third)).await
}

/// Waits for an actor that crashes when it is asked to stop, and would spin when it is started again.
#[rustyray::remote]
async fn falls() -> Result<u32> {
    Spinner::options().name("behind").detached().max_restarts(1).remote_once().falls().await
}

/// The same, several calls at once.
#[rustyray::actor(max_concurrency = 2)]
struct Spinners;

#[rustyray::actor_methods]
impl Spinners {
    fn new() -> Self {
        Spinners
    }

    async fn spin(&self) -> u32 {
        spin("it spins")
    }
}

/// Waits for an actor that lives on, and does not answer.
#[rustyray::remote]
async fn waits(several: bool) -> Result<u32> {
    match several {
        true => Spinners::options().name("behind").detached().remote().spin().await,
        false => Spinner::options().name("behind").detached().remote().spin().await,
    }
}

/// The same, so much later than it began itself.
#[rustyray::remote]
async fn waits_later(milliseconds: u64) -> Result<u32> {
    let actor = Spinner::options().name("behind").detached().remote();
    actor.ping().await?;
    rustyray::sleep(Duration::from_millis(milliseconds)).await;
    actor.spin().await
}

/// Leaves an actor behind that was killed, and is to start again.
#[rustyray::remote]
async fn starts_again() -> Result<()> {
    let actor = Spinner::options().name("behind").detached().max_restarts(1).remote_once().await?;
    actor.ping().await?;
    actor.restart();
    Ok(())
}

/// The fuel and the seconds that it has.
#[rustyray::remote]
fn left() -> (Option<u64>, Option<u64>) {
    let context = rustyray::context();
    (context.fuel_left, context.time_left.map(|time| time.as_secs()))
}

/// The same of two children, of which one asks for much.
#[rustyray::remote]
async fn childrens() -> Result<Vec<(Option<u64>, Option<u64>)>> {
    let greedy = left.options().fuel(u64::MAX).timeout(Duration::from_hours(100));
    Ok(vec![left.remote().await?, greedy.remote().await?])
}

/// The same, and says what it may have.
#[rustyray::remote(fuel = 50_000_000, timeout = "60s", memory = "8MiB")]
fn modest() -> (Option<u64>, Option<u64>) {
    left()
}

/// Allocates so much.
#[rustyray::remote(memory = "8MiB")]
fn allocates(mebibytes: usize) -> usize {
    std::hint::black_box(vec![1u8; mebibytes << 20]).len()
}

/// What another module's `modest` has, if it is asked to have more; and the kind of the error of one that allocates more.
#[rustyray::remote]
async fn raises(module: String) -> Result<(Option<u64>, Option<u64>, String)> {
    let greedy = rustyray::remote_fn(format!("{module}:modest")).fuel(u64::MAX).timeout(Duration::from_hours(100));
    let (fuel, time) = greedy.remote().await?;
    let large = rustyray::remote_fn(format!("{module}:allocates")).arg(32usize).memory_bytes(64 << 20);
    let failed = large.remote::<usize>().await.err().map_or_else(String::new, |error| error.kind().to_string());
    Ok((fuel, time, failed))
}

fn main() {}
