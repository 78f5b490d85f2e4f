//! Chaos: a hundred thousand tasks of every sort, to which everything happens that can: traps, limits, cancellations, kills,
//! restarts, references dropped. Each is accounted for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rustyray_host::{
    ActorHandle, ActorOptions, ErrorKind, Host, HostBuilder, Module, ObjectRef, TaskCall, TaskOptions,
};

use crate::arena::attack_next_door;
use crate::dice::Dice;
use crate::fates::{Answer, Deed, Ledger};
use rustyray_testkit::seeds;
use rustyray_tests::{settled, within};

/// With the one that is new each time, a hundred thousand tasks.
const SEEDS: u64 = 3;
const TASKS: u32 = 25_000;

/// References that are held at once, of tasks that have not been looked at.
const IN_FLIGHT: usize = 48;

/// Answers that are kept to be compared later.
const SHELF: usize = 32;

/// Actors at once.
const ACTORS: usize = 6;

/// Tasks at once that only a cancellation ends.
const ENDLESS: usize = 2;

/// Short, so that one that is asked to stop and does not is soon ended.
const GRACE: Duration = Duration::from_millis(5);

/// A reference that is held.
struct Held {
    number: u32,
    object: ObjectRef,
    deed: Deed,
    cancelled: bool,
    /// What it has as arguments.
    inputs: Vec<ObjectRef>,
    actor: Option<usize>,
}

struct Actor {
    /// None once it was let go.
    handle: Option<ActorHandle>,
    /// Was anything done to it that may cost a call?
    harmed: bool,
    /// What its calls said, by their order: the generation, and which call of it.
    said: Vec<(u32, (u32, u32))>,
}

struct Chaos<'a> {
    host: &'a Host,
    module: &'a Module,
    ledger: &'a Ledger,
    dice: Dice,
    held: Vec<Held>,
    shelf: VecDeque<(ObjectRef, Answer)>,
    actors: Vec<Actor>,
}

impl Chaos<'_> {
    fn chance(&mut self, percent: usize) -> bool {
        self.dice.below(100) < percent
    }

    fn any_actor(&mut self) -> usize {
        let living: Vec<usize> = (0..self.actors.len()).filter(|at| self.actors[*at].handle.is_some()).collect();
        if living.len() < ACTORS {
            let options =
                ActorOptions::new().max_restarts(self.dice.below(4) as u32).max_task_retries(self.dice.below(3) as u32);
            let handle = Some(self.module.actor("Tally").options(options).create());
            self.actors.push(Actor { handle, harmed: false, said: Vec::new() });
            return self.actors.len() - 1;
        }
        living[self.dice.below(living.len())]
    }

    fn any_deed(&mut self) -> Deed {
        let endless = self.held.iter().filter(|held| held.deed.is_endless()).count();
        match self.dice.below(100) {
            0..32 => Deed::Echo,
            32..46 => Deed::Sum,
            46..50 => Deed::Refuse,
            50..56 => Deed::Flaky { good: 1 + self.dice.below(4) as u32, retries: self.dice.below(4) as u32 },
            56..60 => Deed::Spin { timeout: self.chance(50) },
            60..62 if endless < ENDLESS => Deed::Endless { polite: self.chance(50) },
            60..68 => Deed::Sleep,
            68..74 => Deed::Parent,
            74..78 => Deed::Leave,
            78..97 => Deed::Count,
            97 => Deed::Crash,
            _ => Deed::Turn,
        }
    }

    async fn submit(&mut self) {
        let deed = self.any_deed();
        let number = self.ledger.next(deed);
        // What ends only when somebody looks must not keep others of a lower priority waiting until then.
        let priority = if deed.is_endless() { -1 } else { self.dice.below(3) as i32 - 1 };
        let mut options = TaskOptions::new().name(number.to_string()).priority(priority);
        if let Some(fuel) = deed.fuel() {
            options = options.fuel(fuel);
        }
        if deed.is_a_call() {
            return self.call(number, deed, options).await;
        }
        options = match self.dice.below(8) {
            // What ends only when somebody looks leaves room for the others.
            _ if deed.is_endless() => options,
            0 => options.num_cpus(2.0),
            1 => options.num_cpus(0.0),
            2 => options.resource("lamp", 0.5),
            _ => options,
        };
        let inputs = if deed == Deed::Sum { self.inputs() } else { Vec::new() };
        let call = self.task(number, deed, options, &inputs);
        self.hold(Held { number, object: call.submit().await, deed, cancelled: false, inputs, actor: None });
    }

    /// Two numbers that may not be there yet, or never come.
    fn inputs(&mut self) -> Vec<ObjectRef> {
        let plain = |held: &&Held| !held.deed.is_a_call() && !held.deed.is_endless();
        let found: Vec<ObjectRef> = self.held.iter().filter(plain).map(|held| held.object.clone()).collect();
        let mut any = || match found.len() {
            0 => self.host.put(&7u32).expect("the store has room"),
            some => found[self.dice.below(some)].clone(),
        };
        vec![any(), any()]
    }

    fn task(&mut self, number: u32, deed: Deed, options: TaskOptions, inputs: &[ObjectRef]) -> TaskCall {
        let microseconds = self.dice.below(800) as u64;
        let task = |name: &str| self.module.task(name);
        match deed {
            Deed::Echo => task("echo").arg(number).options(options),
            Deed::Sum => task("sum").arg_ref(&inputs[0]).arg_ref(&inputs[1]).options(options),
            Deed::Refuse => task("refuse").arg(number).options(options),
            Deed::Flaky { good, retries } => {
                let backoff = Duration::from_micros(microseconds);
                task("flaky").arg(number).arg(good).options(options.max_retries(retries).retry_backoff(backoff))
            }
            Deed::Spin { timeout: true } => {
                task("spin").arg(number).options(options.timeout(Duration::from_micros(500 + microseconds)))
            }
            Deed::Spin { timeout: false } | Deed::Endless { polite: false } => {
                task("spin").arg(number).options(options)
            }
            Deed::Endless { polite: true } => task("polite").arg(number).options(options),
            Deed::Sleep => task("sleep").arg(number).arg(microseconds).options(options),
            Deed::Parent => task("parent").arg(number).arg(microseconds).options(options),
            _ => task("leave").arg(number).arg(self.dice.below(3) as u32).options(options),
        }
    }

    async fn call(&mut self, number: u32, deed: Deed, options: TaskOptions) {
        let at = self.any_actor();
        let actor = &mut self.actors[at];
        actor.harmed |= deed != Deed::Count;
        let method = match deed {
            Deed::Crash => "crash",
            Deed::Turn => "spin",
            _ => "count",
        };
        let handle = actor.handle.as_ref().expect("it lives");
        let object = handle.call(method).options(options).submit().await;
        self.hold(Held { number, object, deed, cancelled: false, inputs: Vec::new(), actor: Some(at) });
    }

    /// Keeps the reference, or drops it at once.
    fn hold(&mut self, held: Held) {
        if held.deed.is_endless() || !self.chance(10) {
            self.held.push(held);
        }
    }

    /// Something happens to somebody.
    fn harm(&mut self) {
        match self.dice.below(100) {
            0..15 if !self.held.is_empty() => {
                let at = self.dice.below(self.held.len());
                let (force, recursive) = (self.chance(60), self.chance(70));
                self.cancel(at, force, recursive);
            }
            15..18 => {
                let (at, restart) = (self.any_actor(), self.chance(70));
                let actor = &mut self.actors[at];
                actor.harmed = true;
                actor.handle.as_ref().expect("it lives").kill(restart);
            }
            18..20 => {
                let at = self.any_actor();
                self.actors[at].handle = None;
            }
            _ => {}
        }
    }

    fn cancel(&mut self, at: usize, force: bool, recursive: bool) {
        let held = &mut self.held[at];
        held.cancelled = true;
        if let Some(actor) = held.actor {
            // Ending a call that is served ends its actor's instance.
            self.actors[actor].harmed = true;
        }
        self.host.cancel_with(&held.object, force, recursive);
    }

    /// Waits for somebody, and looks at what came of it.
    async fn look(&mut self) {
        let at = self.dice.below(self.held.len());
        if self.held[at].deed.is_endless() && !self.held[at].cancelled {
            let (force, recursive) = (self.chance(50), self.chance(50));
            self.cancel(at, force, recursive);
        }
        let held = self.held.swap_remove(at);
        let answer = self.answer(&held.object, &held.deed).await;
        self.judge(&held, &answer).await;
        if let (Some(actor), Answer::Call(said)) = (held.actor, &answer) {
            self.actors[actor].said.push((held.number, *said));
        }
        self.shelf.push_back((held.object, answer));
        if self.shelf.len() > SHELF {
            self.look_again().await;
        }
    }

    async fn answer(&self, object: &ObjectRef, deed: &Deed) -> Answer {
        let found = within(self.host.value(object, None), &format!("the answer of {deed:?}")).await;
        match found {
            Err(error) => Answer::Error(error.kind, error.attempt),
            Ok(_) if deed.is_a_call() => Answer::Call(self.host.get(object).await.expect("two numbers")),
            Ok(_) => Answer::Value(self.host.get(object).await.expect("a number")),
        }
    }

    /// Does the answer fit what was done?
    async fn judge(&self, held: &Held, answer: &Answer) {
        let Held { number, deed, cancelled, .. } = held;
        let harmed = held.actor.is_some_and(|actor| self.actors[actor].harmed);
        let fits = match (deed, answer) {
            (_, Answer::Error(ErrorKind::TaskCancelled, _)) => *cancelled,
            (Deed::Sum, answer) => self.fits_inputs(&held.inputs, answer).await,
            (deed, answer) => deed.fits(*number, *cancelled, harmed, answer),
        };
        assert!(fits, "{deed:?} of {number} with {answer:?}; cancelled: {cancelled}, harmed: {harmed}");
    }

    async fn fits_inputs(&self, inputs: &[ObjectRef], answer: &Answer) -> bool {
        let mut sum = Some(0u32);
        let mut missing = 0;
        for input in inputs.iter().filter(|input| input.is_ready() || matches!(answer, Answer::Value(_))) {
            match self.answer(input, &Deed::Echo).await {
                Answer::Value(value) => sum = sum.map(|sum| sum.wrapping_add(value)),
                _ => missing += 1,
            }
        }
        match answer {
            Answer::Value(value) => missing == 0 && sum == Some(*value),
            Answer::Error(kind, _) => *kind == ErrorKind::DependencyFailed && missing > 0,
            Answer::Call(_) => false,
        }
    }

    /// What was said once stays.
    async fn look_again(&mut self) {
        if let Some((object, before)) = self.shelf.pop_front() {
            let deed = if matches!(before, Answer::Call(_)) { Deed::Count } else { Deed::Echo };
            assert_eq!(self.answer(&object, &deed).await, before);
        }
    }

    async fn run(mut self) {
        for _ in 0..TASKS {
            self.submit().await;
            self.harm();
            if self.held.len() >= IN_FLIGHT {
                self.look().await;
            }
        }
        while !self.held.is_empty() {
            self.look().await;
        }
        while !self.shelf.is_empty() {
            self.look_again().await;
        }
        for actor in self.actors {
            let mut said = actor.said;
            said.sort_unstable();
            let in_order = said.is_sorted_by(|(_, before), (_, after)| before < after);
            assert!(in_order, "an actor serves its calls in order: {said:?}");
        }
    }
}

fn settings(ledger: &Arc<Ledger>) -> impl Fn(HostBuilder) -> HostBuilder {
    let ledger = ledger.clone();
    move |builder| {
        let (lines, receipts) = (ledger.clone(), ledger.clone());
        let builder = builder.resource("lamp", 1.0).cancel_grace(GRACE).pending_tasks(400);
        builder.on_log(move |line| lines.effect(&line.task)).on_receipt(move |receipt| receipts.receipt(&receipt.task))
    }
}

#[test]
fn a_hundred_thousand_tasks_to_which_everything_happens() {
    let ledger = Arc::new(Ledger::new(TASKS * (SEEDS as u32 + 1)));
    let settings = settings(&ledger);
    attack_next_door(
        move |builder, _| settings(builder),
        async |arena| {
            ledger.watch_panics();
            let module = arena.load("chaos").await;
            for seed in seeds::of_this_run(SEEDS) {
                let _said = seeds::Replay(seed);
                arena.neighbour.rests();
                let dice = Dice::new(seed);
                let (held, shelf, actors) = (Vec::new(), VecDeque::new(), Vec::new());
                Chaos { host: &arena.host, module: &module, ledger: &ledger, dice, held, shelf, actors }.run().await;
                settled(&arena.host, "all counts to return to zero", |stats| {
                    (stats.instances, stats.actors, stats.running, stats.pending) == (0, 0, 0, 0)
                        && (stats.objects, stats.object_bytes) == (0, stats.manifest_bytes)
                })
                .await;
                arena.host.flush().await;
                ledger.check();
                arena.neighbour.works_on().await;
            }
        },
    );
}
