//! Ways out of the sandbox.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::SystemTime;

fn said(error: io::Error) -> String {
    error.to_string()
}

/// What a path holds.
#[rustyray::remote]
fn read(path: String) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(said)
}

/// Writes to a path.
#[rustyray::remote]
fn write(path: String) -> Result<(), String> {
    std::fs::write(path, "written by the guest").map_err(said)
}

/// Makes a symbolic link.
#[rustyray::remote]
#[allow(deprecated, reason = "its successor is not stable for this target")]
fn soft_link(target: String, path: String) -> Result<(), String> {
    std::fs::soft_link(target, path).map_err(said)
}

/// Makes a hard link.
#[rustyray::remote]
fn hard_link(target: String, path: String) -> Result<(), String> {
    std::fs::hard_link(target, path).map_err(said)
}

/// Renames.
#[rustyray::remote]
fn rename(from: String, to: String) -> Result<(), String> {
    std::fs::rename(from, to).map_err(said)
}

/// What else can be done to a path.
#[rustyray::remote]
fn change(how: String, path: String) -> Result<(), String> {
    let open = |options: &mut OpenOptions| options.open(&path);
    let changed = match &*how {
        "truncate" => open(OpenOptions::new().write(true).truncate(true)).map(drop),
        "append" => open(OpenOptions::new().append(true)).and_then(|mut file| file.write_all(b"more")),
        "cut" => open(OpenOptions::new().write(true)).and_then(|file| file.set_len(0)),
        "date" => open(OpenOptions::new().read(true)).and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH)),
        "make" => open(OpenOptions::new().write(true).create_new(true)).map(drop),
        "remove" => std::fs::remove_file(&path),
        "make folder" => std::fs::create_dir(&path),
        "remove folder" => std::fs::remove_dir(&path),
        _ => Err(io::ErrorKind::Unsupported.into()),
    };
    changed.map_err(said)
}

/// Swaps two names for a while: what is checked under one of them is something else when it is opened.
#[rustyray::remote]
fn swap(one: String, other: String, rounds: u32) -> Result<(), String> {
    let aside = format!("{one}.aside");
    for _ in 0..rounds {
        std::fs::rename(&one, &aside).map_err(said)?;
        std::fs::rename(&other, &one).map_err(said)?;
        std::fs::rename(&aside, &other).map_err(said)?;
    }
    Ok(())
}

/// All that can be read under a name that others swap.
#[rustyray::remote]
fn read_often(path: String, rounds: u32) -> BTreeSet<String> {
    (0..rounds).filter_map(|_| std::fs::read_to_string(&path).ok()).collect()
}

/// Connects, by TCP.
#[rustyray::remote]
fn connect(address: String) -> Result<(), String> {
    TcpStream::connect(address).map(drop).map_err(said)
}

/// Sends, by UDP.
#[rustyray::remote]
fn send(address: String) -> Result<usize, String> {
    let socket = UdpSocket::bind("0.0.0.0:0").map_err(said)?;
    socket.send_to(b"out", address).map_err(said)
}

/// Listens, by TCP and by UDP.
#[rustyray::remote]
fn listen(address: String) -> (bool, bool) {
    (TcpListener::bind(&address).is_ok(), UdpSocket::bind(&address).is_ok())
}

/// Looks a name up.
#[rustyray::remote]
fn look_up(name: String) -> Result<usize, String> {
    (name.as_str(), 80).to_socket_addrs().map(Iterator::count).map_err(said)
}

/// All that it can learn without asking for anything.
#[rustyray::remote]
fn surroundings() -> Vec<String> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let elapsed = std::time::Instant::now().elapsed().as_nanos();
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1);
    let mut found = vec![time.to_string(), elapsed.to_string(), random.to_string()];
    found.extend(std::env::args());
    found.extend(std::env::vars().map(|(name, value)| format!("{name}={value}")));
    found.extend(std::env::current_dir().into_iter().map(|path| path.display().to_string()));
    found
        .extend(std::fs::read_dir("/").into_iter().flatten().flatten().map(|entry| entry.path().display().to_string()));
    found
}
