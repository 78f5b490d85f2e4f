//! Names that guests look up where a server does not answer.

use std::collections::HashSet;
use std::io::Write;
use std::net::UdpSocket;
use std::process::Command;

use rustyray_host::limits::{LOOK_UPS_MAX, MODULES_LOOK_UPS_MAX};
use rustyray_host::{Capabilities, Module, NetGrant, ObjectRef, TaskOptions};
use tokio::sync::watch;

use rustyray_tests::{builder, error, guest, within};

const INSIDE: &str = "RUSTYRAY_SILENT_RESOLVER";
const TEST: &str = "look_ups::one_module_s_look_ups_leave_others_theirs";

/// The system's resolver is one for the whole machine: so this runs once more, in namespaces of its own where it is ours.
#[test]
fn one_module_s_look_ups_leave_others_theirs() {
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(modules_beside_a_silent_server());
        // Threads that still ask would be waited for.
        return runtime.shutdown_background();
    }
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "--net", "sh", "-c", script]);
        command
    };
    let ours = "ip link set lo up && mount --bind \"$1\" /etc/resolv.conf";
    let configuration = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(configuration.path(), "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n").unwrap();
    if !unshared(ours).arg("sh").arg(configuration.path()).status().is_ok_and(|status| status.success()) {
        // Not as a line of a test that passes, which nobody sees.
        let _ = writeln!(std::io::stderr(), "SKIPPED {TEST}: `unshare` and `ip` make no namespace for a resolver here");
        return;
    }
    let mut inside = unshared(&format!("{ours} && exec \"$2\" --exact {TEST} --nocapture"));
    inside.arg("sh").arg(configuration.path()).arg(std::env::current_exe().unwrap()).env(INSIDE, "1");
    assert!(inside.status().unwrap().success());
}

async fn modules_beside_a_silent_server() {
    let mut asked = serve();
    let held = Capabilities::none().net(NetGrant::parse("*.test").unwrap());
    let host = builder().capabilities(held).instances(128).build().unwrap();
    // Those of the last find nothing left but what is its own.
    let crowds = LOOK_UPS_MAX / MODULES_LOOK_UPS_MAX + 1;
    let look_up = async |module: &Module, crowd: usize| {
        let mut objects: Vec<ObjectRef> = Vec::new();
        for number in 0..2 * MODULES_LOOK_UPS_MAX {
            let name = format!("silent-{crowd}-{number}.test");
            let idle = TaskOptions::new().num_cpus(0.0);
            objects.push(module.task("look_up").arg(name).options(idle).submit().await);
        }
        objects
    };
    let mut stuck = Vec::new();
    let mut modules = Vec::new();
    for crowd in 0..crowds {
        let module = host.load_file(guest("capabilities")).await.unwrap();
        stuck.push(look_up(&module, crowd).await);
        modules.push(module);
    }
    let all_ask = asked.wait_for(|names| names.len() == LOOK_UPS_MAX + crowds);
    within(all_ask, "as many are asked for as there may be").await.unwrap();
    // The threads of those that are ended are taken as before.
    for object in &stuck[0] {
        host.cancel_with(object, true, false);
        error(&host, object).await;
    }
    stuck.push(look_up(&modules[0], crowds).await);
    let other = host.load_file(guest("capabilities")).await.unwrap();
    let found = other.task("look_up").arg("quick.test".to_owned()).submit().await;
    let found = within(host.get::<Vec<String>>(&found), "another module asks").await.unwrap();
    assert_eq!(found, ["10.1.2.3"]);
    assert_eq!(asked.borrow().len(), LOOK_UPS_MAX + crowds + 1);
    // So has a file, and a module that is loaded.
    host.load_file(guest("calc")).await.unwrap();
}

/// A name server that knows `quick.test`, and says nothing of others. Tells the names that it was asked for.
fn serve() -> watch::Receiver<HashSet<String>> {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let (asked, receiver) = watch::channel(HashSet::new());
    std::thread::spawn(move || {
        let mut question = [0; 512];
        loop {
            let (bytes, from) = socket.recv_from(&mut question).unwrap();
            let question = &question[..bytes];
            let name = name(question);
            asked.send_if_modified(|names| names.insert(name.clone()));
            if name == "quick.test" {
                socket.send_to(&answer(question), from).unwrap();
            }
        }
    });
    receiver
}

/// Bytes of the header of a message, as RFC 1035 (4.1.1) has it.
const HEADER: usize = 12;

/// The name in a question.
fn name(question: &[u8]) -> String {
    let mut labels = Vec::new();
    let mut rest = &question[HEADER..];
    while rest[0] != 0 {
        let (label, after) = rest[1..].split_at(usize::from(rest[0]));
        labels.push(std::str::from_utf8(label).unwrap());
        rest = after;
    }
    labels.join(".")
}

/// One address where it is asked for addresses of version 4, and otherwise none.
fn answer(question: &[u8]) -> Vec<u8> {
    let asks = HEADER + name(question).len() + 2;
    let question = &question[..asks + 4];
    let address = question[asks..asks + 2] == [0, 1];
    let mut answer = question.to_vec();
    // An answer to one question, without further records.
    answer[2..HEADER].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(address), 0, 0, 0, 0]);
    if address {
        // The name of the question, an address of the internet for a minute, and its four bytes.
        answer.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3]);
    }
    answer
}
