//! From nothing to the first result: a process with a compiled module at hand, and the compilation itself.

use std::path::Path;
use std::process::{Command, Stdio};

use futures::executor::block_on;
use rustyray_host::wasmtime::component::Component;
use rustyray_host::wasmtime::{Config, Engine};

use crate::harness::{Bench, Round, Series, repeat_now, timed};
use crate::ours::{Ours, guest};
use crate::row::{Goal, Row, Unit};
use crate::{Measurement, bare, machine};

pub const MEASUREMENTS: &[Measurement] = &[("start.cached", cached), ("start.compile", compile)];

const START_MOST: f64 = 40e6;
const COMPILER_THREADS: &str = "rustyray-jit";
/// How much more than its part the busiest of the compiler's threads may have: functions are not all of one size.
const UNEVEN: f64 = 1.5;

fn cached(bench: &Bench) -> Vec<Row> {
    let cache = tempfile::tempdir().unwrap();
    let slice = 2 * bench.slice;
    let [ours, floor] = bench.rounds([&mut || repeat_now(slice, || run(our_first_result(cache.path()))), &mut || {
        repeat_now(slice, || run(Command::new("true")))
    }]);
    let title = "a process of the command line, to the first result, module in the cache; floor: `true`";
    let row = Row::new("start.cached", title, Unit::Nanoseconds, &ours).against(&ours, &floor);
    vec![row.percentiles(&ours).goals(&[Goal::AtMost(START_MOST)])]
}

fn our_first_result(cache: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rustyray-host"));
    command.arg("call").arg(guest()).args(["add", "1", "2"]).env("XDG_CACHE_HOME", cache);
    command
}

fn run(mut command: Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// The time beside that of a compiler on one core, and how the work was spread over the compiler's threads.
fn compile(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let mut config: Config = bare::config(1);
    config.parallel_compilation(false);
    let (engine, mut shares) = (Engine::new(&config).unwrap(), Series::default());
    let [both, one] = bench
        .rounds([&mut || Round::each(1, timed(|| shares.0.push(Round::of(share_of_the_busiest(&ours))))), &mut || {
            Round::each(1, timed(|| Component::from_file(&engine, guest()).unwrap()))
        }]);
    let title = "a module is compiled, nothing cached; floor: on one core";
    let row = Row::new("start.compile", title, Unit::Nanoseconds, &both).against(&both, &one);
    let share = shares.figure();
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    vec![row.with("busiest thread's share (count)", share).and("uses all cores", share <= UNEVEN / cores)]
}

fn share_of_the_busiest(ours: &Ours) -> f64 {
    machine::busiest_share(COMPILER_THREADS, || block_on(ours.host.load_file(guest())).unwrap())
}
