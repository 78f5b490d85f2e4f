//! Tasks that try to reach outside.

use std::io::{Read, Write};

use rustyray::prelude::*;

/// What a file holds, or why it cannot be read.
#[rustyray::remote]
fn read(path: String) -> std::result::Result<String, String> {
    std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
}

/// Writes a file.
#[rustyray::remote]
fn write(path: String, text: String) -> std::result::Result<u64, String> {
    std::fs::write(&path, &text).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.len() as u64)
}

/// The whole environment.
#[rustyray::remote]
fn environment() -> Vec<(String, String)> {
    std::env::vars().collect()
}

/// All of standard input.
#[rustyray::remote]
fn stdin() -> String {
    let mut text = String::new();
    let _ = std::io::stdin().read_to_string(&mut text);
    text
}

/// The addresses of this name.
#[rustyray::remote]
fn look_up(name: String) -> std::result::Result<Vec<String>, String> {
    let found = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), 0)).map_err(|error| error.to_string())?;
    Ok(found.map(|address| address.ip().to_string()).collect())
}

/// Connects, sends, and gives the answer.
#[rustyray::remote]
fn connect(address: String, text: String) -> std::result::Result<String, String> {
    let say = |error: std::io::Error| error.to_string();
    let mut stream = std::net::TcpStream::connect(address).map_err(say)?;
    stream.write_all(text.as_bytes()).map_err(say)?;
    stream.shutdown(std::net::Shutdown::Write).map_err(say)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(say)?;
    Ok(answer)
}

/// Connects so many times, and writes without waiting until nothing more is taken. Gives the bytes that were.
#[rustyray::remote]
fn fill(address: String, sockets: u32) -> std::result::Result<u64, String> {
    let say = |error: std::io::Error| error.to_string();
    let mut streams = Vec::new();
    let mut taken = 0;
    for _ in 0..sockets {
        let mut stream = std::net::TcpStream::connect(&address).map_err(say)?;
        stream.set_nonblocking(true).map_err(say)?;
        // Nothing for a while is full: some of it is on its way at first.
        let mut nothing = 0;
        while nothing < 50 {
            match stream.write(&[b'.'; 1 << 16]) {
                Ok(bytes) => {
                    taken += bytes as u64;
                    nothing = 0;
                }
                Err(_) => {
                    nothing += 1;
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        }
        streams.push(stream);
    }
    Ok(taken)
}

/// Connects, sends so many bytes, and is gone.
#[rustyray::remote]
fn send(address: String, bytes: usize) -> std::result::Result<(), String> {
    let mut stream = std::net::TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream.write_all(&vec![b'.'; bytes]).map_err(|error| error.to_string())
}

/// Sends a datagram, and gives the first that comes back.
#[rustyray::remote]
fn ask(address: String, text: String) -> std::result::Result<String, String> {
    let say = |error: std::io::Error| error.to_string();
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").map_err(say)?;
    socket.send_to(text.as_bytes(), address).map_err(say)?;
    let mut answer = [0; 64];
    let (length, _) = socket.recv_from(&mut answer).map_err(say)?;
    String::from_utf8(answer[..length].to_vec()).map_err(|error| error.to_string())
}

/// Waits for somebody to connect.
#[rustyray::remote]
fn listen(address: String) -> std::result::Result<(), String> {
    std::net::TcpListener::bind(address).map(drop).map_err(|error| error.to_string())
}

/// The time of day in seconds, and whether the clock goes on.
#[rustyray::remote]
fn clock() -> (u64, bool) {
    let start = std::time::Instant::now();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let moved = (0..1_000_000).any(|_| start.elapsed() > Duration::ZERO);
    (now, moved)
}

/// Looks at the clock so often, and then again and again until time has passed.
#[rustyray::remote]
fn wait_for_time(looks: u64) {
    let start = std::time::Instant::now();
    for _ in 1..looks {
        std::hint::black_box(start.elapsed());
    }
    if looks == 0 {
        while start.elapsed() < Duration::from_millis(1) {}
        return;
    }
    loop {
        std::hint::black_box(());
    }
}

/// Numbers that come from the random source by way of a hash map's keys.
#[rustyray::remote]
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(1)
}

/// The capabilities that it holds.
#[rustyray::remote]
fn held() -> Vec<String> {
    rustyray::context().grants
}

/// Starts a task with these capabilities, and gives what that one holds.
#[rustyray::remote]
async fn pass_on(grants: Vec<String>) -> Result<Vec<String>> {
    held.options().grants(grants).remote().await
}

fn main() {}
