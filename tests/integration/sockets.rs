//! What the kernel keeps for the sockets of guests.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};

use rustyray_host::limits::{SOCKET_BUFFER_BYTES, SOCKET_BYTES};
use rustyray_host::{Capabilities, ErrorKind, Host, Module, NetGrant, TaskOptions};

use rustyray_tests::{builder, error, finish, host_with, value};

/// A server that takes nothing, and a module that may connect there.
async fn beside_a_server() -> (TcpListener, SocketAddr, Host, Module) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let grant = NetGrant::parse(&address.to_string()).unwrap();
    let (host, module) =
        host_with(builder().capabilities(Capabilities::none().net(grant).clock()), "capabilities").await;
    (server, address, host, module)
}

/// Bytes that wait in the kernel to be taken by the server, by connection, as the kernel lists them.
fn unsent(server: SocketAddr) -> Vec<u64> {
    let list = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let peer = format!(":{:04X}", server.port());
    let lines = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let to_server = lines.filter(|columns| columns[2].ends_with(&peer));
    to_server.map(|columns| u64::from_str_radix(columns[4].split_once(':').unwrap().0, 16).unwrap()).collect()
}

#[tokio::test]
async fn what_a_peer_does_not_take_is_bounded_while_the_guest_lives_and_afterwards() {
    let (server, address, host, module) = beside_a_server().await;
    let filled = module.task("fill").arg(address.to_string()).arg(4u32).submit().await;
    let taken = value::<u64>(&host, &filled).await;
    let left = unsent(address);
    assert!(taken > 4 * SOCKET_BUFFER_BYTES / 2, "{taken} bytes");
    assert!(left.iter().all(|bytes| *bytes <= 2 * SOCKET_BUFFER_BYTES), "{left:?} of {taken} bytes");
    drop(server);
    finish(host).await;
}

#[tokio::test]
async fn sockets_are_their_guests_memory() {
    let (_server, address, host, module) = beside_a_server().await;
    let options = TaskOptions::new().memory_bytes(4 << 20);
    let few = module.task("fill").arg(address.to_string()).arg(1u32).options(options.clone()).submit().await;
    assert!(value::<u64>(&host, &few).await > 0);
    assert!(few.receipt().unwrap().memory_peak_bytes >= SOCKET_BYTES);
    let many = module.task("fill").arg(address.to_string()).arg(16u32).options(options.clone()).submit().await;
    let error = error(&host, &many).await;
    assert!(error.kind == ErrorKind::OutOfMemory && error.message.contains("sockets"), "{error}");
    finish(host).await;
}

#[tokio::test]
async fn what_was_written_is_delivered_when_its_guest_has_gone() {
    let (server, address, host, module) = beside_a_server().await;
    let sent = module.task("send").arg(address.to_string()).arg(300_000usize).submit().await;
    value::<()>(&host, &sent).await;
    let mut bytes = Vec::new();
    server.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 300_000);
    finish(host).await;
}
