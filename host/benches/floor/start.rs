//! From nothing to the first result: a process with a compiled module at hand, and the compilation itself.

use std::path::Path;
use std::process::{Command, Stdio};

use futures::executor::block_on;
use rustyray_host::wasmtime::component::Component;
use rustyray_host::wasmtime::{Config, Engine};

use crate::harness::{Bench, Round, Series, repeat_now, timed};
use crate::ours::guest;
use crate::row::{Goal, Row, Unit};
use crate::{Measurement, bare, machine};

pub const MEASUREMENTS: &[Measurement] = &[("start.cached", cached), ("start.compile", compile)];

const START_MOST: f64 = 40e6;
/// Two cores cannot halve it: what comes before and after the functions is done by one.
const BOTH_CORES: f64 = 0.75;

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

/// The wall clock beside that of a compiler on one core, and how many cores were busy meanwhile.
fn compile(bench: &Bench) -> Vec<Row> {
    let ours = bench.ours();
    let mut config: Config = bare::config(1);
    config.parallel_compilation(false);
    let (engine, mut cores) = (Engine::new(&config).unwrap(), Series::default());
    let [both, one] = bench.rounds([
        &mut || {
            let before = machine::cpu_time();
            let elapsed = timed(|| block_on(ours.host.load_file(guest())).unwrap());
            let spent = machine::cpu_time() - before;
            cores.0.push(Round::of(spent.as_secs_f64() / elapsed.as_secs_f64()));
            Round::each(1, elapsed)
        },
        &mut || Round::each(1, timed(|| Component::from_file(&engine, guest()).unwrap())),
    ]);
    let title = "a module is compiled, nothing cached; floor: on one core";
    let row = Row::new("start.compile", title, Unit::Nanoseconds, &both).against(&both, &one);
    vec![row.with("cores busy (count)", cores.figure()).goals(&[Goal::RatioAtMost(BOTH_CORES)])]
}
