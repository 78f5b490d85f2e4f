//! A guest's WASI context, from its capabilities: what is not granted is not there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::SeedableRng;
use rand::rngs::StdRng;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder};

use super::output::{GuestOutput, Transcript};
use super::process_stream::ProcessInput;
use super::reach::Reach;
use crate::port::log::LogSource;
use crate::state::task::{TaskRecord, Work};
use crate::types::capabilities::Capabilities;
use crate::types::limits::{RANDOM_BYTES_MAX, RANDOM_PART_OF_MEMORY};

/// The context of a guest that runs `task`. Nothing in it can fail: a guest never has another one than this. Its folders are
/// [apart](super::files).
pub fn context(task: &TaskRecord, transcript: &Arc<Transcript>, reach: &Arc<Reach>) -> WasiCtx {
    let held = &task.spec.capabilities;
    let mut builder = WasiCtxBuilder::new();
    let inherit = matches!(&task.spec.work, Work::Main { inherit_stdio: true, .. });
    let output = |source| GuestOutput { transcript: transcript.clone(), source, inherit };
    builder.stdout(output(LogSource::Stdout)).stderr(output(LogSource::Stderr));
    if let Work::Main { arguments, .. } = &task.spec.work {
        builder.args(arguments);
    }
    if held.stdin {
        builder.stdin(ProcessInput);
    }
    for (name, value) in &held.env {
        builder.env(name, value);
    }
    // They are in the host's memory until the guest's allocator has room for them, for as long as that takes.
    builder.max_random_size(RANDOM_BYTES_MAX.min(task.spec.plan.limits.memory_bytes / RANDOM_PART_OF_MEMORY));
    time_and_chance(&mut builder, held, transcript);
    network(&mut builder, transcript, reach);
    builder.build()
}

fn time_and_chance(builder: &mut WasiCtxBuilder, held: &Capabilities, transcript: &Arc<Transcript>) {
    if !held.clock {
        let clock = || StillClock { time: held.fixed_time, transcript: transcript.clone() };
        builder.wall_clock(clock()).monotonic_clock(clock());
    }
    if !held.random {
        // Each guest starts from the same seed, so that its results don't depend on the order in which tasks run.
        let seed = held.random_seed;
        builder
            .secure_random(StdRng::seed_from_u64(seed))
            .insecure_random(StdRng::seed_from_u64(seed))
            .insecure_random_seed(seed.into());
    }
}

/// A clock that stands still.
struct StillClock {
    time: SystemTime,
    transcript: Arc<Transcript>,
}

impl HostWallClock for StillClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.transcript.looked_at_still_clock();
        self.time.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl HostMonotonicClock for StillClock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        self.transcript.looked_at_still_clock();
        0
    }
}

fn network(builder: &mut WasiCtxBuilder, transcript: &Arc<Transcript>, reach: &Arc<Reach>) {
    let (transcript, reach) = (transcript.clone(), reach.clone());
    // Sockets can be made; each address is asked for, so that a refusal is noted in the receipt. Which names may be looked up is
    // asked before.
    builder.allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
    builder.socket_addr_check(move |address, usage| {
        let granted = is_granted(&reach, address, usage);
        match usage {
            _ if granted => {}
            SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend => transcript.refuse(format!("net:{address}")),
            // Nothing grants these.
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind | SocketAddrUse::TcpListen => {
                transcript.refuse(format!("listen:{address}"));
            }
            // Somebody else's doing: what comes from there is thrown away.
            SocketAddrUse::UdpReceive | SocketAddrUse::TcpAccept => {}
        }
        Box::pin(std::future::ready(granted))
    });
}

fn is_granted(reach: &Reach, address: SocketAddr, usage: SocketAddrUse) -> bool {
    match usage {
        // Before anything goes out the system picks a local port. That by itself reaches nobody, and what follows is asked for.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => address.port() == 0 && address.ip().is_unspecified(),
        SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => reach.reaches(address),
        SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => false,
    }
}
