//! What a guest reaches of the network before it names an address.
//!
//! Names are looked up that are granted: a look-up of any name is a message to whoever serves it. Sockets can be made by
//! everybody, so that a refused address is noted; each is an open file of the process, so that those who may connect
//! nowhere get no more than there are refusals to note. What the kernel keeps for one is bounded, and its guest's memory.

use futures::FutureExt;
use wasmtime::StoreContextMut;
use wasmtime::component::{HasData, Linker, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp::HostUdpSocket;
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{SocketError, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use super::descriptors;
use super::guest::Guest;
use super::look_up;
use super::permits::Permit;
use crate::types::limits::{REFUSALS_MAX, SOCKET_BUFFER_BYTES, SOCKET_BYTES};

const TCP: &str = "wasi:sockets/tcp@0.2.12";
const UDP: &str = "wasi:sockets/udp@0.2.12";

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
        link_tcp(linker)?;
        link_udp(linker)?;
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
        let place = self.0.a_socket().ok_or(ErrorCode::NewSocketLimit)?;
        self.0.limiter.keep(SOCKET_BYTES).map_err(SocketError::trap)?;
        self.0.sockets.push(place);
        if nowhere {
            self.0.sockets_made += 1;
        }
        Ok(())
    }
}

/// Links the functions again that change what a socket has of the kernel's memory: those that set its buffers set no larger ones.
macro_rules! link_sockets {
    ($linker:ident, $interface:expr, $name:literal, $socket:ty, $host:ident) => {{
        let mut sockets = $linker.instance($interface)?;
        sockets.resource(concat!($name, "-socket"), ResourceType::host::<$socket>(), |mut store, rep| {
            let guest: &mut Guest = store.data_mut();
            $host::drop(&mut guest.sockets(), Resource::new_own(rep))?;
            guest.let_go_of_socket();
            Ok(())
        })?;
        sockets.func_wrap(
            concat!("[method]", $name, "-socket.set-send-buffer-size"),
            |mut store: Store<'_>, sized: Asked<$socket>| {
                let mut sockets = store.data_mut().sockets();
                let set = $host::set_send_buffer_size(&mut sockets, sized.0, sized.1.min(SOCKET_BUFFER_BYTES));
                Ok((told(&mut sockets, set)?,))
            },
        )?;
        sockets.func_wrap(
            concat!("[method]", $name, "-socket.set-receive-buffer-size"),
            |mut store: Store<'_>, sized: Asked<$socket>| {
                let mut sockets = store.data_mut().sockets();
                let set = $host::set_receive_buffer_size(&mut sockets, sized.0, sized.1.min(SOCKET_BUFFER_BYTES));
                Ok((told(&mut sockets, set)?,))
            },
        )
    }};
}

type Store<'a> = StoreContextMut<'a, Guest>;
type Asked<T> = (Resource<T>, u64);

fn link_tcp(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link_sockets!(linker, TCP, "tcp", TcpSocket, HostTcpSocket)
}

fn link_udp(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    link_sockets!(linker, UDP, "udp", UdpSocket, HostUdpSocket)
}

fn told(
    sockets: &mut WasiSocketsCtxView<'_>,
    done: Result<(), SocketError>,
) -> wasmtime::Result<Result<(), ErrorCode>> {
    match done {
        Ok(()) => Ok(Ok(())),
        Err(error) => network::Host::convert_error_code(sockets, error).map(Err),
    }
}

impl Guest {
    /// One of its module's, if there is one.
    fn a_socket(&self) -> Option<Permit> {
        self.places.for_sockets(self.task().spec.module.id).acquire().now_or_never()
    }

    fn let_go_of_socket(&mut self) {
        if self.sockets.pop().is_some() {
            self.limiter.let_go(SOCKET_BYTES);
        }
    }
}

impl tcp_create_socket::Host for GuardedNetwork<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> Result<Resource<TcpSocket>, SocketError> {
        self.count_socket()?;
        let made = self.sockets().create_tcp_socket(family).and_then(|socket| {
            let same = || Resource::new_borrow(socket.rep());
            HostTcpSocket::set_send_buffer_size(&mut self.sockets(), same(), SOCKET_BUFFER_BYTES)?;
            HostTcpSocket::set_receive_buffer_size(&mut self.sockets(), same(), SOCKET_BUFFER_BYTES)?;
            Ok(socket)
        });
        made.inspect_err(|_| self.0.let_go_of_socket())
    }
}

impl udp_create_socket::Host for GuardedNetwork<'_> {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> Result<Resource<UdpSocket>, SocketError> {
        self.count_socket()?;
        let made = self.sockets().create_udp_socket(family).await.and_then(|socket| {
            let same = || Resource::new_borrow(socket.rep());
            HostUdpSocket::set_send_buffer_size(&mut self.sockets(), same(), SOCKET_BUFFER_BYTES)?;
            HostUdpSocket::set_receive_buffer_size(&mut self.sockets(), same(), SOCKET_BUFFER_BYTES)?;
            Ok(socket)
        });
        made.inspect_err(|_| self.0.let_go_of_socket())
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
