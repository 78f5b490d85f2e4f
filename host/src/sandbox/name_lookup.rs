//! `wasi:sockets/ip-name-lookup` for granted names only: a look-up of any name is a message to whoever serves it.

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{Host, HostResolveAddressStream, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, SocketError};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView};

use super::guest::Guest;

/// The look-up with the guard before it.
pub struct GuardedLookup<'a>(&'a mut Guest);

impl HasData for GuardedLookup<'static> {
    type Data<'a> = GuardedLookup<'a>;
}

impl<'a> GuardedLookup<'a> {
    pub fn of(guest: &'a mut Guest) -> GuardedLookup<'a> {
        GuardedLookup(guest)
    }

    fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        self.0.sockets()
    }
}

impl Host for GuardedLookup<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> Result<Resource<ResolveAddressStream>, SocketError> {
        let task = self.0.task();
        let granted =
            task.spec.capabilities.nets.iter().any(|grant| grant.host == "*" || grant.host.eq_ignore_ascii_case(&name));
        if !granted {
            task.meter().refuse(format!("net:{}", name.escape_default().take(256).collect::<String>()));
            return Err(ErrorCode::AccessDenied.into());
        }
        self.sockets().resolve_addresses(network, name)
    }
}

/// The look-up's errors are those of the network interface.
impl network::Host for GuardedLookup<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.sockets().convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<IoError>) -> wasmtime::Result<Option<ErrorCode>> {
        self.sockets().network_error_code(error)
    }
}

impl network::HostNetwork for GuardedLookup<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl HostResolveAddressStream for GuardedLookup<'_> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> Result<Option<IpAddress>, SocketError> {
        self.sockets().resolve_next_address(stream)
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        self.sockets().subscribe(stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        HostResolveAddressStream::drop(&mut self.sockets(), stream)
    }
}
