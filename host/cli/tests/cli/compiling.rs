//! Modules are compiled in a process of its own, whose memory and time have limits.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustyray_host::{CompilerProcess, Host, HostBuilder, ModuleError};

use super::process::{Running, end, end_of, rustyray_host};
use rustyray_testkit::guest;

/// The command itself: it begins as every compiler does.
fn compiler() -> CompilerProcess {
    CompilerProcess::at(env!("CARGO_BIN_EXE_rustyray-host"))
}

fn builder() -> HostBuilder {
    Host::builder().instances(2).threads(1)
}

fn host(compiler: CompilerProcess) -> Host {
    builder().compiler(compiler).build().unwrap()
}

/// A component of one core module.
fn component(fields: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (core module {fields}))")).unwrap()
}

/// So many functions of straight code, of so many lines, which nothing weighs.
fn straight(functions: usize, lines: usize) -> Vec<u8> {
    let mut body = String::new();
    for at in 0..lines {
        write!(body, "(i64.store (local.get 0) (i64.add (i64.load (local.get 0)) (i64.const {at})))").unwrap();
    }
    component(&format!("(memory 1) {}", format!("(func (param i32) {body})").repeat(functions)))
}

/// What takes long and not much memory.
fn long() -> Vec<u8> {
    straight(200, 2000)
}

/// What takes much memory and not long.
fn large() -> Vec<u8> {
    straight(1, 250_000)
}

/// A program in place of a compiler.
fn script(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("compiler");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

#[tokio::test]
async fn what_it_compiles_runs_and_what_it_refuses_is_told_as_without_it() {
    let apart = host(compiler());
    let calc = apart.load_file(guest("calc")).await.unwrap();
    let sum = calc.task("add").arg(2).arg(3).submit().await;
    assert_eq!(apart.get::<i64>(&sum).await.unwrap(), 5);
    let here = builder().build().unwrap();
    let mut damaged = std::fs::read(guest("calc")).unwrap();
    damaged.truncate(damaged.len() / 2);
    let wrong = component("(func (result i32))");
    for bytes in [damaged, wrong] {
        let [one, other] = [&apart, &here].map(|host| host.load_bytes("refused", bytes.clone()));
        let (one, other) = futures::future::join(one, other).await;
        assert_eq!(one.err().unwrap().to_string(), other.err().unwrap().to_string());
    }
}

#[tokio::test]
async fn async_functions_are_compiled_for_their_engine() {
    let text = r#"(component
        (core module $m (func (export "now") (result i32) i32.const 7) (func (export "later") (result i32) i32.const 8))
        (core instance $i (instantiate $m))
        (func $now (result u32) (canon lift (core func $i "now")))
        (func $later async (result u32) (canon lift (core func $i "later")))
        (export "now" (func $now)) (export "later" (func $later)))"#;
    let host = host(compiler());
    let module = host.load_bytes("both", wat::parse_str(text).unwrap()).await.unwrap();
    let seven = module.task("now").submit().await;
    assert_eq!(host.get::<u32>(&seven).await.unwrap(), 7);
}

#[tokio::test]
async fn a_module_that_takes_too_much_is_refused_and_the_next_one_is_compiled() {
    let refused = async |compiler, bytes| {
        let host = host(compiler);
        let refused = host.load_bytes("much", bytes).await.err().unwrap();
        assert!(host.load_file(guest("calc")).await.is_ok());
        refused
    };
    let late = refused(compiler().time(Duration::from_secs(1)), long()).await;
    assert!(matches!(&late, ModuleError::CompilerLimit(limit) if limit == "1s of processor time"), "{late}");
    let full = refused(compiler().memory_bytes(1 << 30), large()).await;
    assert!(matches!(&full, ModuleError::CompilerLimit(limit) if limit == "1073741824 bytes of memory"), "{full}");
}

#[tokio::test]
async fn a_module_that_no_instance_has_room_for_is_told_so() {
    let globals = "(global (mut v128) (v128.const i64x2 0 0))".repeat(100_000);
    let refused = host(compiler()).load_bytes("globals", component(&globals)).await.err().unwrap();
    assert!(matches!(&refused, ModuleError::Unsupported(why) if why.contains("exceeds the")), "{refused}");
}

#[test]
fn the_command_line_has_the_same_limits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wasm");
    std::fs::write(&path, long()).unwrap();
    let path = path.to_str().unwrap();
    let words = ["compiling it takes more than 1s of processor time", "hint:", "--compile-time"];
    end(["run", "--no-cache", "--compile-time", "1s", path]).expect(120, &words);
    end(["compile", "--compile-time", "1s", path]).expect(120, &words);
    end(["run", "--compile-memory", "1MiB", path]).expect(125, &["a compiler has 1048576 bytes of memory, and needs"]);
    let config = folder.path().join("rustyray.toml");
    std::fs::write(&config, "[host]\ncompile-time = '1s'\ncompile-memory = '1GiB'\n").unwrap();
    end(["run", "--no-cache", "--config", config.to_str().unwrap(), path]).expect(120, &words);
}

#[tokio::test]
async fn programs_that_are_no_compilers_are_told_with_what_they_said() {
    let folder = tempfile::tempdir().unwrap();
    let refused = async |text: &str| {
        let compiler = CompilerProcess::at(script(folder.path(), text));
        let host = builder().compiler(compiler).code_bytes(1 << 20).build().unwrap();
        host.load_file(guest("calc")).await.err().unwrap().to_string()
    };
    for (text, told) in [
        ("exit 3", "exit status: 3"),
        ("echo out of luck >&2; exit 1", "out of luck"),
        ("kill -9 $$", "it was killed, by somebody or by the system"),
        ("exit 0", "exit status: 0"),
        // It goes on writing to whoever does not listen any more.
        ("yes >&2", "exit status: 141: y y y"),
        ("echo 'memory allocation of 7 bytes failed' >&2; kill -6 $$", "more than 536870912 bytes of memory"),
        ("cat > /dev/null; printf 'nonsense\\010\\0\\0\\0\\0\\0\\0\\0p'", "its code is not for this host"),
        ("cat > /dev/null; printf 'nonsense\\011\\0\\0\\0\\0\\0\\0\\0p'", "exit status: 0"),
        ("cat > /dev/null; printf '\\0\\0\\0\\0\\0\\0\\0\\0?'", "not a compiler's"),
        ("exec yes", "its native code takes more than the 1048576 bytes that are left for code"),
    ] {
        let error = refused(text).await;
        assert!(error.contains(told), "{text}: {error}");
    }
    let host = host(CompilerProcess::at("/nowhere/compiler"));
    let error = host.load_file(guest("calc")).await.err().unwrap();
    assert!(matches!(&error, ModuleError::Compiler(why) if why.contains("No such file")), "{error}");
}

/// Core modules that nobody instantiates, each with two bytes of data that are far from each other.
fn sparse(modules: usize) -> Vec<u8> {
    let module = "(core module (memory 256) (data (i32.const 0) \"a\") (data (i32.const 16777215) \"b\"))";
    let runs = "(core module $m (func (export \"now\") (result i32) i32.const 7))
        (core instance $i (instantiate $m)) (func $now (result u32) (canon lift (core func $i \"now\")))
        (export \"now\" (func $now))";
    wat::parse_str(format!("(component {} {runs})", module.repeat(modules))).unwrap()
}

#[tokio::test]
async fn native_code_has_a_bound_and_data_that_is_sparse_is_no_part_of_it() {
    let small = builder().compiler(compiler()).code_bytes(1 << 20).build().unwrap();
    let module = small.load_bytes("sparse", sparse(12)).await.unwrap();
    let code = small.stats().code_bytes;
    assert!(code > 0 && code < 1 << 20, "{code}");
    let mut others = Vec::new();
    let refused = loop {
        match small.load_bytes("sparse", sparse(12)).await {
            Ok(module) => others.push(module),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, ModuleError::CodeTooLarge(left) if left < code), "{refused}");
    let full = builder().compiler(compiler()).code_bytes(0).build().unwrap();
    let refused = full.load_bytes("wrong", component("(func (result i32))")).await.err().unwrap();
    assert!(matches!(&refused, ModuleError::Invalid(_)), "{refused}");
    let refused = full.load_bytes("sparse", sparse(1)).await.err().unwrap();
    assert!(matches!(&refused, ModuleError::CodeTooLarge(0)), "{refused}");
    drop((module, others));
    let _again = small.load_bytes("sparse", sparse(12)).await.unwrap();
    assert_eq!(small.stats().code_bytes, code);
}

#[test]
fn a_program_that_does_not_hear_of_its_children_compiles() {
    let ended = {
        let mut command = std::process::Command::new("sh");
        let script = r#"trap '' CHLD; exec "$0" call --no-cache "$1" add 2 3"#;
        command.args(["-c", script, env!("CARGO_BIN_EXE_rustyray-host"), guest("calc").to_str().unwrap()]);
        end_of(&mut command)
    };
    assert_eq!(ended.expect(0, &[]).out(), "5\n");
}

#[tokio::test]
async fn what_is_in_the_cache_needs_no_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let with = |compiler| builder().cache_dir(folder.path()).compiler(compiler).build().unwrap();
    with(compiler()).load_file(guest("calc")).await.unwrap();
    assert!(with(CompilerProcess::at("/nowhere")).load_file(guest("calc")).await.is_ok());
    // What is compiled in the process and what is compiled apart is the same code.
    assert!(
        builder()
            .cache_dir(folder.path())
            .build()
            .unwrap()
            .load_file(guest("calc"))
            .await
            .unwrap()
            .compiled_file()
            .is_ok()
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// A compiler that tells its process in a pipe and never ends, and its process once it has told.
fn endless(folder: &Path) -> (PathBuf, impl FnOnce() -> rustix::process::Pid + use<>) {
    let pipe = folder.join("pid");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let program = script(folder, &format!("echo $$ > '{}'; exec sleep 1000000", pipe.display()));
    let pid = move || {
        let text = std::fs::read_to_string(pipe).unwrap();
        rustix::process::Pid::from_raw(text.trim().parse().unwrap()).unwrap()
    };
    (program, pid)
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_ends_its_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let (program, pid) = endless(folder.path());
    let host = host(CompilerProcess::at(program));
    let mut load = Box::pin(host.load_file(guest("calc")));
    let pid = tokio::task::spawn_blocking(pid);
    let pid = tokio::select! {
        _ = &mut load => panic!("it does not end"),
        pid = pid => pid.unwrap(),
    };
    let watch = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).unwrap();
    drop(load);
    ended(&watch);
}

/// Waits until a process has ended.
fn ended(process: &impl std::os::fd::AsFd) {
    let mut events = [rustix::event::PollFd::new(process, rustix::event::PollFlags::IN)];
    let patience = rustix::event::Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(
        rustix::io::retry_on_intr(|| rustix::event::poll(&mut events, Some(&patience))).unwrap(),
        1,
        "the compiler goes on"
    );
}

#[test]
fn a_host_that_is_killed_leaves_no_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wasm");
    std::fs::write(&path, long()).unwrap();
    let running = Running::of(rustyray_host(["run", "--no-cache", path.to_str().unwrap()]));
    // There is no event for a child that is at work: it has threads then.
    let child = loop {
        let at_work =
            |child: &u32| std::fs::read_dir(format!("/proc/{child}/task")).is_ok_and(|tasks| tasks.count() > 1);
        if let Some(child) = running.children().into_iter().find(at_work) {
            break rustix::process::Pid::from_raw(child.cast_signed()).unwrap();
        }
        std::thread::yield_now();
    };
    let watch = rustix::process::pidfd_open(child, rustix::process::PidfdFlags::empty()).unwrap();
    // By itself it comes to no end any more.
    rustix::process::kill_process(child, rustix::process::Signal::STOP).unwrap();
    running.signal("KILL");
    ended(&watch);
    running.end();
}

#[test]
fn a_compiler_that_starts_a_host_is_told_what_it_forgot() {
    let ended = rustyray_host(["--version"]).env("RUSTYRAY_COMPILER_LIMITS", "nonsense").output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("RUSTYRAY_COMPILER_LIMITS is damaged"));
}
