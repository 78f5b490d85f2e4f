//! What is granted on the command line is there, and nothing else.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;

use super::driver;
use super::process::{Ended, end, end_of, rustyray_host};

fn run(flags: &[&str], arguments: &[&str]) -> Ended {
    let driver = driver();
    end([&["run"], flags, &[&driver, "--"], arguments].concat())
}

#[test]
fn folders_are_seen_under_their_names_and_in_their_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("file"), "contents").unwrap();
    run(&[], &["read", "/data/file"]).expect(1, &["No such file"]);
    let (rw, ro) = (format!("{path}::/data"), format!("{path}::/data:ro"));
    assert_eq!(run(&["--dir", &ro], &["read", "/data/file"]).expect(0, &[]).out(), "contents");
    run(&["--dir", &ro], &["write", "/data/new", "x"]).expect(1, &["not permitted"]);
    run(&["--dir", &rw], &["write", "/data/new", "x"]).expect(0, &[]);
    assert_eq!(std::fs::read_to_string(folder.path().join("new")).unwrap(), "x");
    // Without a name of its own it has the host's.
    let file = format!("{path}/file");
    assert_eq!(run(&["--dir", path], &["read", &file]).expect(0, &[]).out(), "contents");
}

#[test]
fn folders_that_are_the_same_to_the_program_are_refused_and_those_that_contradict_each_other_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    let path = folder.path().to_str().unwrap();
    let with = |one: &str, other: &str| {
        let [one, other] = [one, other].map(|grant| format!("--dir={path}{grant}"));
        run(&[&one, &other], &["echo"])
    };
    for (one, other) in [("::/a", "::/a/"), ("::/a", "::./a"), ("::a/b", "/inner:://a/./b/:ro")] {
        with(one, other).expect(2, &["are both '", "never reach the second one"]);
    }
    let contradiction = "where the same files are";
    for (one, other) in [("::/a", "::/b:ro"), ("::/a", "/inner::/b:ro"), ("::/a:ro", "/inner::/a/inner")] {
        let told = with(one, other);
        told.expect(0, &["warning: ", contradiction]);
        assert_eq!(told.stderr.matches(contradiction).count(), 1, "{}", told.stderr);
    }
    for (one, other) in [("::/a", "::/b"), ("::/a:ro", "/inner::/b:ro"), ("/inner::/a", "/inner::/a/b")] {
        assert!(!with(one, other).expect(0, &[]).stderr.contains("warning"));
    }
}

/// With few open files a process gets as many as the system lets it have. Where that is little, too, guests are told so, and it goes on.
#[test]
fn guests_open_as_many_files_as_the_system_allows() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "contents").unwrap();
    let (dir, driver) = (format!("{}::/data", folder.path().display()), driver());
    let open = |limit: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!(r#"ulimit {limit} && exec "$0" "$@""#), env!("CARGO_BIN_EXE_rustyray-host")]);
        end_of(command.args(["run", "--dir", &dir, &driver, "--", "open", "/data/file", "200"]))
    };
    assert_eq!(open("-Sn 100").expect(0, &[]).out(), "200\n");
    let few = open("-n 100");
    few.expect(1, &["Quota exceeded", "ulimit -n"]);
}

/// Without a handler the system would end the process.
#[test]
fn a_file_that_grows_beyond_the_process_limit_is_an_error_of_its_guest() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, driver) = (format!("{}::/data", folder.path().display()), driver());
    let mut command = std::process::Command::new("sh");
    // Of 512 or 1,024 bytes: what the host itself writes, as images of modules, is smaller.
    command.args(["-c", r#"ulimit -f 20000 && exec "$0" "$@""#, env!("CARGO_BIN_EXE_rustyray-host")]);
    command.args(["run", "--no-cache", "--dir", &dir, &driver, "--", "fill", "/data/file", "40"]);
    // A stream of WASI has no other word for it.
    end_of(&mut command).expect(1, &["I/O error"]);
}

#[test]
fn the_environment_is_what_was_named() {
    let driver = driver();
    let flags = ["--env", "GIVEN=a=b", "--env", "INHERITED"];
    let arguments = [&["run"], &flags[..], &[&driver, "--", "environment"]].concat();
    let ended = end_of(rustyray_host(arguments).env("INHERITED", "yes").env("OTHER", "no"));
    assert_eq!(ended.expect(0, &[]).out(), "GIVEN=a=b\nINHERITED=yes\n");
}

#[test]
fn standard_input_has_to_be_granted() {
    let driver = driver();
    for (flags, expected) in [(vec![], ""), (vec!["--stdin"], "typed\n")] {
        let arguments = [&["run"], &flags[..], &[&driver, "--", "stdin"]].concat();
        let mut command = rustyray_host(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Whoever may not read may have ended already.
        let _ = child.stdin.take().unwrap().write_all(b"typed\n");
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

#[test]
fn a_refused_connection_is_told_with_the_flag_that_grants_it() {
    run(&[], &["connect", "127.0.0.1:1"]).expect(1, &["refused net:127.0.0.1:1", "--allow-net 127.0.0.1:1"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    run(&["--allow-net", &address], &["connect", &address]).expect(0, &[]);
    let asks = ["connect", &address];
    let loopback = format!("net:{address} is loopback, this machine: neither *");
    run(&["--allow-net", "*"], &asks).expect(1, &[&format!("add --allow-net {address}"), &loopback]);
    for grant in ["127.0.0.0/8", "localhost", "127.0.0.1:1-65535"] {
        run(&["--allow-net", grant], &asks).expect(0, &[]);
    }
}

#[test]
fn a_hint_names_no_flag_that_cannot_help() {
    run(&["--allow-net", "*"], &["listen", "127.0.0.1:0"])
        .expect(1, &["refused listen:127.0.0.1:0, which no flag grants"]);
    let driver = driver();
    let ended = end(["run", "--env", "TOKEN=t", &driver, "--", "hold-back"]);
    ended.expect(1, &["env:TOKEN is granted, and the program did not give it to its task"]);
}

#[test]
fn a_network_grant_that_can_never_match_is_refused() {
    let driver = driver();
    for (grant, says) in [
        ("https://example.org", "such as example.org:443"),
        ("ex*.org", "as in *.example.org"),
        ("10.0.0.1/8", "expected 10.0.0.0/8"),
        ("example.org:0", "from 1 to 65535"),
    ] {
        end(["run", "--allow-net", grant, &driver]).expect(2, &["--allow-net", says]);
    }
}

#[test]
fn a_task_that_needs_more_is_denied() {
    let driver = driver();
    end(["call", &driver, "token"]).expect(126, &["env:TOKEN", "hint: grant it with --env TOKEN"]);
    let ended = end(["call", "--env", "TOKEN=t", &driver, "token"]);
    assert_eq!(ended.expect(0, &[]).out(), "\"t\"\n");
}

#[test]
fn compiled_modules_are_kept_in_a_folder_of_our_own_or_not_at_all() {
    let (driver, cache) = (driver(), tempfile::tempdir().unwrap());
    let run = || {
        let mut command = rustyray_host(["run", "-v", &driver, "--", "echo"]);
        end_of(command.env("XDG_CACHE_HOME", cache.path()))
    };
    run().expect(0, &["compiled modules are kept in"]);
    let folder = cache.path().join("rustyray-host");
    assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
    assert!(folder.read_dir().unwrap().count() == 2, "code, and what it is");
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    run().expect(0, &["others can write to", "chmod 700"]);
}
