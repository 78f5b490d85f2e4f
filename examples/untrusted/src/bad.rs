//! The bad tasks. Each says what it is limited to, and holds no capability (`grants = []`), whatever the driver holds.
//! The value that each would give is what it got away with.

use std::hint::black_box;
use std::io::{self, Read};
use std::net::{TcpListener, ToSocketAddrs, UdpSocket};
use std::{env, fs};

use rustyray::prelude::*;

/// Starts them all, each with what it is up to.
pub fn submit_all() -> Vec<(&'static str, ObjectRef<String>)> {
    vec![
        ("loops, fuel is limited", loop_until_dry.remote()),
        ("loops, time is limited", loop_until_late.remote()),
        ("sleeps for an hour", sleep_late.remote()),
        ("takes all memory", hoard_memory.remote()),
        ("recurses without end", overflow_stack.remote()),
        ("floods its output", flood_output.remote()),
        ("panics", lose_nerve.remote()),
        ("looks around", snoop.remote()),
    ]
}

#[rustyray::remote(fuel = 50_000_000, grants = [])]
fn loop_until_dry() -> String {
    spin()
}

#[rustyray::remote(timeout = "200ms", grants = [])]
fn loop_until_late() -> String {
    spin()
}

#[rustyray::remote(timeout = "100ms", grants = [])]
async fn sleep_late() -> String {
    rustyray::sleep(Duration::from_secs(3600)).await;
    "an hour of sleep".to_owned()
}

#[rustyray::remote(memory = "32MiB", grants = [])]
fn hoard_memory() -> String {
    let mut hoard = Vec::new();
    while hoard.len() < 4096 {
        hoard.push(black_box(vec![1u8; 1 << 20]));
    }
    format!("{} MiB", hoard.len())
}

#[rustyray::remote(timeout = "5s", grants = [])]
fn overflow_stack() -> String {
    format!("a stack {} frames deep", dig(0))
}

#[rustyray::remote(output = "1KiB", timeout = "5s", grants = [])]
fn flood_output() -> String {
    for line in 0..1_000_000 {
        println!("line {line}: this is of no use to anybody, and there is a lot more of it where it came from");
    }
    "a million lines".to_owned()
}

#[rustyray::remote(grants = [])]
fn lose_nerve() -> String {
    panic!("this is all too much");
}

/// Tries every door that a program usually finds open.
#[rustyray::remote(timeout = "5s", grants = [])]
fn snoop() -> Result<String> {
    let mut found: Vec<String> = Vec::new();
    let mut tried = 0;
    let mut knock = |door: &str, open: bool| {
        tried += 1;
        found.extend(open.then(|| door.to_owned()));
    };
    for path in ["/etc/passwd", "../../../etc/passwd", "/proc/self/environ", "Cargo.toml"] {
        knock(path, fs::read(path).is_ok());
    }
    for path in ["/", ".", ".."] {
        knock(path, fs::read_dir(path).is_ok());
    }
    knock("a new file", fs::write("loot.txt", "loot").is_ok());
    knock("the environment", env::vars_os().next().is_some());
    knock("the standard input", io::stdin().read(&mut [0; 1]).is_ok_and(|read| read > 0));
    knock("name look-up", "example.org:80".to_socket_addrs().is_ok());
    knock("a listening socket", TcpListener::bind("127.0.0.1:0").is_ok());
    let sent = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.send_to(b"loot", "192.0.2.1:9"));
    knock("the network", sent.is_ok());

    rustyray::ensure!(!found.is_empty(), "tried {tried} doors, and all were shut");
    Ok(found.join(", "))
}

fn spin() -> String {
    let mut turns = 0u64;
    while black_box(turns) < u64::MAX {
        turns += 1;
    }
    format!("{turns} turns")
}

fn dig(depth: u64) -> u64 {
    let hole = black_box([depth; 32]);
    if hole[0] == u64::MAX { depth } else { dig(depth + 1).max(hole[31]) }
}
