//! Runs the example on its guest, and reads what it prints.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn guest() -> PathBuf {
    let release = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/wasm32-wasip2/release");
    let path = std::env::var_os("RUSTYRAY_GUESTS").map_or(release, PathBuf::from).join("embed_guest.wasm");
    assert!(path.exists(), "guest embed-guest is not built: run `make guests`");
    path
}

fn embed(guest: impl AsRef<Path>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_embed")).arg(guest.as_ref()).output().expect("the example starts")
}

#[test]
fn it_prints_what_its_readme_says() {
    let output = embed(guest());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let lines = [
        "chained:   Monday's order costs 3870 cents",
        "put:       two plum cakes cost 3600 cents",
        "actor:     the till holds 5510 cents",
        "its own:   task cost (#",
        "no order:  task cost (#",
        "no folder: task read_order (#",
        "no fuel:   task bake a little (#",
        "no task:   task brew does not exist: ",
        "not yet:   object ",
        "cancelled: task bake (#",
        "no module: it does not compile",
        "",
        "task                       fuel     memory  ended with",
    ];
    let mut printed = text.lines();
    for line in lines {
        let found = printed.next().unwrap_or_default();
        assert!(found.starts_with(line), "expected '{line}' in:\n{text}");
    }
    // A receipt for each task, and how it ended.
    let ended: Vec<_> = printed.filter_map(|line| line.rsplit_once("  ")).map(|(_, ended)| ended).collect();
    let failures = ["TaskFailed", "InvalidArgument", "TaskFailed", "OutOfFuel", "TaskCancelled"];
    assert_eq!(ended, [["a value"; 7].as_slice(), &failures].concat());
}

#[test]
fn without_its_guest_it_says_so() {
    let output = embed("nowhere.wasm");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.starts_with("embed: nowhere.wasm cannot be loaded: "), "{error}");
    assert_eq!(output.status.code(), Some(1));
}
