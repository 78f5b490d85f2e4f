//! What a guest reaches of the network before it names an address.
//!
//! Names are looked up that are granted: a look-up of any name is a message to whoever serves it. Sockets can be made by
//! everybody, so that a refused address is noted; each is an open file of the process, so that those who may connect
//! nowhere get no more than there are refusals to note.

use std::net::IpAddr;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, HostResolveAddressStream, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use super::descriptors;
use super::guest::Guest;
use crate::words::limits::REFUSALS_MAX;

/// The network with the guard before it.
pub struct GuardedNetwork<'a>(&'a mut Guest);

fn guarded(guest: &mut Guest) -> GuardedNetwork<'_> {
    GuardedNetwork(guest)
}

impl HasData for GuardedNetwork<'static> {
    type Data<'a> = GuardedNetwork<'a>;
}

impl GuardedNetwork<'_> {
    /// Takes the place of what is linked already.
    pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
        ip_name_lookup::add_to_linker::<Guest, GuardedNetwork<'static>>(linker, guarded)?;
        tcp_create_socket::add_to_linker::<Guest, GuardedNetwork<'static>>(linker, guarded)?;
        udp_create_socket::add_to_linker::<Guest, GuardedNetwork<'static>>(linker, guarded)
    }

    fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        self.0.sockets()
    }

    /// One more socket, if this guest may have it.
    fn count_socket(&mut self) -> Result<(), SocketError> {
        if !descriptors::is_one_free() {
            return Err(ErrorCode::NewSocketLimit.into());
        }
        let nowhere = self.0.task().spec.capabilities.nets.is_empty();
        if nowhere && self.0.sockets_made == REFUSALS_MAX {
            return Err(ErrorCode::NewSocketLimit.into());
        }
        if nowhere {
            self.0.sockets_made += 1;
        }
        Ok(())
    }
}

impl tcp_create_socket::Host for GuardedNetwork<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> Result<Resource<TcpSocket>, SocketError> {
        self.count_socket()?;
        self.sockets().create_tcp_socket(family)
    }
}

impl udp_create_socket::Host for GuardedNetwork<'_> {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> Result<Resource<UdpSocket>, SocketError> {
        self.count_socket()?;
        self.sockets().create_udp_socket(family).await
    }
}

impl ip_name_lookup::Host for GuardedNetwork<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        let Some(host) = self.0.reach().may_look_up(&name) else {
            self.0.transcript.refuse(format!("net:{}", name.escape_default().take(256).collect::<String>()));
            return Err(ErrorCode::AccessDenied.into());
        };
        // As it was granted: names have several forms.
        let stream = self.sockets().resolve_addresses(network, host.to_string())?;
        self.0.look_ups.insert(stream.rep(), host);
        Ok(stream)
    }
}

/// The look-up's errors are those of the network interface.
impl network::Host for GuardedNetwork<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.sockets().convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<IoError>) -> wasmtime::Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl network::HostNetwork for GuardedNetwork<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl HostResolveAddressStream for GuardedNetwork<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        let of = stream.rep();
        let next = self.sockets().resolve_next_address(stream)?;
        if let Some((host, address)) = self.0.look_ups.get(&of).cloned().zip(next) {
            self.0.reach().found(&host, address_of(address));
        }
        Ok(next)
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        self.sockets().subscribe(stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.0.look_ups.remove(&stream.rep());
        HostResolveAddressStream::drop(&mut self.sockets(), stream)
    }
}

fn address_of(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
        IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
    }
}
