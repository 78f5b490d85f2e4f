//! Parts of a measurement that run in a process of their own, because they need its memory for themselves.

use std::process::{Command, Stdio};

use crate::harness::Bench;
use crate::{memory, objects};

/// What a probe measures: some figures.
pub type Probe = (&'static str, fn(&Bench) -> Vec<f64>);

const PROBES: &[&[Probe]] = &[memory::PROBES, objects::PROBES];

/// Runs a probe and gives its figures.
pub fn ask(name: &str, bench: &Bench) -> Vec<f64> {
    let program = std::env::current_exe().unwrap();
    let quick = bench.is_quick().then_some("--quick");
    let output = Command::new(program).args(["--probe", name]).args(quick).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "the probe {name} failed: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The other side of [`ask`].
pub fn answer(name: &str, bench: &Bench) {
    let probe = PROBES.iter().copied().flatten().find(|(probe, _)| *probe == name);
    let (_, measure) = probe.unwrap_or_else(|| panic!("there is no probe {name}"));
    println!("{}", serde_json::to_string(&measure(bench)).unwrap());
}
