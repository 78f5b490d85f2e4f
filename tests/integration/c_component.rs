//! A component in C, which neither our SDK nor any generator made: `tests/guests/c`. It needs a clang that knows
//! wasm32, and is left out where there is none.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustyray_host::{Encoding, ErrorKind, Payload};
use serde::Serialize;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use rustyray_tests::{builder, error, finish, value};

/// As distributions name it. `CLANG` is another one.
const COMPILERS: [&str; 6] = ["clang", "clang-19", "clang-18", "clang-17", "clang-16", "clang-14"];

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/c").join(name)
}

/// Runs a command; says whether it went well.
fn runs(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// For `output`, of `source`.
fn compile(compiler: &str, source: &Path, output: &Path) -> Command {
    let mut command = Command::new(compiler);
    command.args(["--target=wasm32", "-O2", "-nostdlib", "-ffreestanding", "-Wall", "-Werror", "-c", "-x", "c"]);
    command.arg(source).arg("-o").arg(output);
    command
}

/// The first that is there and knows wasm32.
fn compiler(folder: &Path) -> Option<String> {
    let (nothing, object) = (folder.join("nothing.c"), folder.join("nothing.o"));
    std::fs::write(&nothing, "").unwrap();
    let asked_for = std::env::var("CLANG").ok();
    let mut compilers = asked_for.into_iter().chain(COMPILERS.map(str::to_owned));
    compilers.find(|compiler| runs(&mut compile(compiler, &nothing, &object)))
}

fn compiled(compiler: &str, folder: &Path) -> PathBuf {
    let object = folder.join("stock.o");
    let output = compile(compiler, &source("stock.c"), &object).output().expect("it ran a moment ago");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    object
}

/// The core module. Rust's own linker is there wherever guests are built.
fn linked(object: &Path) -> Vec<u8> {
    let module = object.with_extension("wasm");
    let said = |argument: &str| {
        let output = Command::new("rustc").args(["--print", argument]).output().expect("rustc runs");
        String::from_utf8(output.stdout).expect("it prints text").trim().to_owned()
    };
    let rusts = format!("{}/lib/rustlib/{}/bin/rust-lld", said("sysroot"), said("host-tuple"));
    let linked = [(rusts.as_str(), &["-flavor", "wasm"][..]), ("wasm-ld", &[])].into_iter().any(|(linker, flavour)| {
        let mut command = Command::new(linker);
        runs(command.args(flavour).arg("--no-entry").arg(object).arg("-o").arg(&module))
    });
    assert!(linked, "neither {rusts} nor wasm-ld links it");
    std::fs::read(module).expect("the linker wrote it")
}

/// With what the WIT says of it.
fn component(mut module: Vec<u8>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_file(source("stock.wit")).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

fn built() -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let Some(compiler) = compiler(folder.path()) else {
        // Not by `eprintln!`, whose text is shown of tests that fail alone.
        let text =
            "c_component is left out: no clang that knows wasm32 is here; install the package clang, or set CLANG\n";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
        return None;
    };
    Some(component(linked(&compiled(&compiler, folder.path()))))
}

#[derive(Serialize)]
struct Item {
    name: String,
    pieces: u32,
}

fn items(pieces: &[u32]) -> Vec<Item> {
    pieces.iter().map(|pieces| Item { name: format!("item {pieces}"), pieces: *pieces }).collect()
}

#[tokio::test]
async fn functions_in_c_are_tasks() {
    let Some(bytes) = built() else { return };
    let host = builder().build().unwrap();
    let module = host.load_bytes("stock", bytes).await.unwrap();
    let three = module.task("add").arg(1i32).arg(2i32).submit().await;
    let chained = module.task("add").arg_ref(&three).arg(i32::MAX).submit().await;
    assert_eq!(value::<i32>(&host, &chained).await, i32::MIN + 2);
    for text in ["", "grün", &"loud ".repeat(100_000)] {
        let shouted = module.task("shout").arg(text.to_owned()).submit().await;
        assert_eq!(value::<String>(&host, &shouted).await, format!("{}!", text.to_ascii_uppercase()));
    }

    let total = module.task("shelf.total").arg(items(&[1, 2, 3])).submit().await;
    assert_eq!(value::<u32>(&host, &total).await, 6);
    let json = |text: &str| Payload::new(Encoding::Json, text.to_owned());
    let total = module.task("shelf.total").arg_payload(json(r#"[{"name": "nuts", "pieces": 7}]"#)).submit().await;
    assert_eq!(value::<u32>(&host, &total).await, 7);
    let out = module.task("shelf.total").arg(items(&[1, 0, 3])).submit().await;
    let out = error(&host, &out).await;
    assert_eq!((out.kind, out.message.as_str()), (ErrorKind::TaskFailed, "item 0"));

    let crash = module.task("crash").submit().await;
    assert_eq!(error(&host, &crash).await.kind, ErrorKind::WorkerCrashed);
    for _ in 0..10 {
        let asked = module.task("asked").submit().await;
        assert_eq!(value::<u32>(&host, &asked).await, 1, "each in a fresh instance");
    }
    finish(host).await;
}
