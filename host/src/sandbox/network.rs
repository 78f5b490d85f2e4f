//! What a guest reaches of the network before it names an address.
//!
//! Names are looked up that are granted: a look-up of any name is a message to whoever serves it. Sockets can be made by
//! everybody, so that a refused address is noted; each is an open file of the process, so that those who may connect
//! nowhere get no more than there are refusals to note.

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use super::descriptors;
use super::guest::Guest;
use super::look_up;
use crate::types::limits::REFUSALS_MAX;

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
        look_up::add_to_linker(linker)?;
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
