//! What the host keeps for guests, without end: each attack makes it, says that it is there, and holds it.

use rustyray::prelude::*;

use crate::copies;

/// Holds what it has made until it is ended.
fn hold<T>(_made: T) -> ! {
    println!("{} is there", rustyray::context().function);
    rest()
}

fn rest() -> ! {
    loop {
        rustyray::block_on(rustyray::sleep(Duration::from_secs(3600)));
    }
}

/// Never ends by itself.
#[rustyray::remote]
fn never() {
    rest()
}

#[rustyray::remote]
fn after(_before: ()) {}

/// A name as long as it may be.
fn long(number: u32) -> String {
    format!("{number:0>240}")
}

/// Tasks that wait for what never comes, and are cancelled: nothing is left of them.
#[rustyray::remote]
fn cancelled(count: u32) -> Result<()> {
    let first = never.remote();
    for number in 0..count {
        rustyray::cancel(&after.options().name(long(number)).remote(&first))?;
    }
    hold(first)
}

/// Tasks with all the options that there are.
#[rustyray::remote]
fn waiting(count: u32) {
    let first = never.remote();
    for number in 0..count {
        let options = (0..16).fold(after.options(), |options, kind| options.resource(long(kind), 0.0));
        drop(options.name(long(number)).grants(vec!["clock"; 256]).remote(&first));
    }
    hold(first)
}

#[rustyray::remote]
#[expect(clippy::too_many_arguments, reason = "that is the attack")]
fn crowded(_a: (), _b: (), _c: (), _d: (), _e: (), _f: (), _g: (), _h: (), _i: (), _j: (), _k: (), _l: ()) {}

/// Tasks that wait for the same object many times.
#[rustyray::remote]
fn crowds(count: u32) {
    let first = never.remote();
    let f = || first.clone();
    let crowd = |_| crowded.remote(f(), f(), f(), f(), f(), f(), f(), f(), f(), f(), f(), f());
    let all: Vec<_> = (0..count).map(crowd).collect();
    hold((first, all))
}

/// Asks for what it may not have, and gives nothing.
#[rustyray::remote]
fn asks() {
    for number in 0..16 {
        drop(never.options().grants([long(number)]).remote());
    }
}

/// Results whose receipts have much to say.
#[rustyray::remote]
fn receipts(count: u32) -> Result<()> {
    let mut all = Vec::new();
    for _ in 0..count / 100 {
        let done: Vec<_> = (0..100).map(|number| asks.options().name(long(number)).remote()).collect();
        rustyray::blocking_wait(&done, 100, None)?;
        all.extend(done);
    }
    hold(all)
}

#[rustyray::remote]
fn items(_before: ()) -> impl Iterator<Item = u32> {
    0..10
}

/// Streams of which more is asked for than there is.
#[rustyray::remote]
fn promises(count: u32) {
    let first = never.remote();
    let mut streams: Vec<_> = (0..count).map(|_| items.remote(&first)).collect();
    for stream in &mut streams {
        (0..1024).for_each(|_| drop(stream.next_ref()));
    }
    hold((first, streams))
}

/// Streams that are refused.
#[rustyray::remote]
fn refused_streams(count: u32) -> Result<()> {
    let first = rustyray::blocking_put(())?;
    hold((0..count).map(|_| items.options().num_cpus(1e6).remote(&first)).collect::<Vec<_>>())
}

#[rustyray::actor]
struct Ghost;

#[rustyray::actor_methods]
impl Ghost {
    fn new() -> Self {
        Ghost
    }

    fn after(_before: ()) -> Self {
        Ghost
    }
}

/// Actors that could never be.
#[rustyray::remote]
fn ghosts(count: u32) {
    let ghost = |number| {
        let options = (0..16).fold(Ghost::options(), |options, kind| options.resource(long(kind), 1e6));
        options.name(long(number)).namespace(long(number)).remote()
    };
    hold((0..count).map(ghost).collect::<Vec<_>>())
}

/// Actors with names that wait to be started.
#[rustyray::remote]
fn names(count: u32) {
    let first = never.remote();
    let named = |number| Ghost::options().name(long(number)).namespace(long(number)).remote_after(&first);
    let actors: Vec<_> = (0..count).map(named).collect();
    hold((first, actors))
}

/// Fails with as much as an error says.
#[rustyray::remote]
fn fails() -> Result<()> {
    Err((0..16).fold(Error::msg("x".repeat(4096)), |error, _| error.context("y".repeat(4096))))
}

/// Objects that are errors.
#[rustyray::remote]
fn errors(count: u32) -> Result<()> {
    let mut all = Vec::new();
    for _ in 0..count / 100 {
        let failed: Vec<_> = (0..100).map(|_| fails.remote()).collect();
        rustyray::blocking_wait(&failed, 100, None)?;
        all.extend(failed);
    }
    hold(all)
}

/// Tasks that are refused, each with its error.
#[rustyray::remote]
fn refused(count: u32) {
    let try_one = |number| never.options().name(long(number)).num_cpus(1e6).remote();
    hold((0..count).map(try_one).collect::<Vec<_>>())
}

/// Objects without a byte.
#[rustyray::remote]
fn empties(count: u32) {
    hold((0..count).map_while(|_| rustyray::blocking_put(()).ok()).collect::<Vec<_>>())
}

/// Objects that refer to one object each, and nothing else.
#[rustyray::remote]
fn references(count: u32) -> Result<()> {
    let first = vec![rustyray::blocking_put(())?];
    hold((0..count).map_while(|_| rustyray::blocking_put(first.clone()).ok()).collect::<Vec<_>>())
}

/// Can be made again.
#[rustyray::remote(max_retries = 3)]
fn made_of(parts: Vec<ObjectRef<Vec<ObjectRef<()>>>>, bytes: usize) -> Vec<u8> {
    vec![parts.len() as u8; bytes]
}

/// Results that could be made again, of many objects that are gone.
#[rustyray::remote]
fn ancestors(count: u32) -> Result<()> {
    let first = vec![rustyray::blocking_put(())?];
    let mut all = Vec::new();
    for round in 0..count {
        let parts = if round % 2 == 0 { 3000 } else { 400 };
        let parts: Vec<_> = (0..parts).map(|_| rustyray::blocking_put(first.clone())).collect::<Result<_>>()?;
        let made = made_of.remote(parts, 300_000);
        rustyray::blocking_wait(std::slice::from_ref(&made), 1, None)?;
        all.push(made);
    }
    hold(all)
}

/// Results without a byte.
#[rustyray::remote]
fn results(count: u32) -> Result<()> {
    let first = rustyray::blocking_put(())?;
    let mut all = Vec::new();
    for _ in 0..count / 100 {
        let done: Vec<_> = (0..100).map(|_| after.remote(&first)).collect();
        rustyray::blocking_wait(&done, 100, None)?;
        all.extend(done);
    }
    hold(all)
}

/// A wait for one object again and again.
#[rustyray::remote]
fn waits(count: usize) {
    copies::wait(&copies::submitted("hoards::never"), count, None, count, None);
}
