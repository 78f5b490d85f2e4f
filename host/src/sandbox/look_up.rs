//! Names that guests look up. Each look-up takes a thread of the host for as long as the system's resolver does, however soon its guest
//! lets go of it. Those that wait for one hold nothing that is not their guest's handle.

use std::net::{IpAddr, ToSocketAddrs};
use std::task::{Context, Poll, Waker};
use std::vec;

use futures::FutureExt;
use futures::future::BoxFuture;
use url::Host;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime_wasi::WasiView;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::runtime::spawn;

use super::guest::Guest;
use super::places::Places;
use super::reach::Reach;
use crate::types::net_grant::{NetGrant, host};

const LOOK_UP: &str = "wasi:sockets/ip-name-lookup@0.2.12";

/// One that a guest has begun, and what came of it.
pub struct LookUp {
    host: Host,
    state: State,
}

enum State {
    Waits(BoxFuture<'static, Result<Vec<IpAddr>, ErrorCode>>),
    Done(Result<vec::IntoIter<IpAddr>, ErrorCode>),
}

impl LookUp {
    fn begin(host: Host, reach: &Reach) -> Self {
        let state = match &host {
            Host::Ipv4(address) => State::Done(Ok(vec![IpAddr::V4(*address)].into_iter())),
            Host::Ipv6(address) => State::Done(Ok(vec![IpAddr::V6(*address)].into_iter())),
            Host::Domain(name) => {
                // It goes on while its guest does something else, and ends with the handle.
                State::Waits(spawn(resolved(name.clone(), reach.look_ups())).boxed())
            }
        };
        LookUp { host, state }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let State::Waits(waits) = &mut self.state {
            let found = std::task::ready!(waits.poll_unpin(cx));
            self.state = State::Done(found.map(Vec::into_iter));
        }
        Poll::Ready(())
    }

    /// The next address, if all of them are known by now.
    fn next(&mut self) -> Result<Option<IpAddr>, ErrorCode> {
        let _ = self.poll(&mut Context::from_waker(Waker::noop()));
        match &mut self.state {
            State::Waits(_) => Err(ErrorCode::WouldBlock),
            State::Done(Ok(found)) => Ok(found.next()),
            State::Done(Err(error)) => Err(*error),
        }
    }
}

/// Asks the system, once its guest and its owner may.
async fn resolved(name: String, look_ups: Places) -> Result<Vec<IpAddr>, ErrorCode> {
    let found = look_ups.run(move || (name.as_str(), 0).to_socket_addrs()).await.flatten();
    let addresses = found.map(|found| found.map(|one| one.ip().to_canonical()).collect());
    addresses.map_err(|_| ErrorCode::NameUnresolvable)
}

#[async_trait]
impl Pollable for LookUp {
    async fn ready(&mut self) {
        std::future::poll_fn(|cx| self.poll(cx)).await;
    }
}

/// Takes the place of what is linked already.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let mut look_up = linker.instance(LOOK_UP)?;
    look_up.resource("resolve-address-stream", ResourceType::host::<LookUp>(), |mut store, rep| {
        drop(store.data_mut().ctx().table.delete(Resource::<LookUp>::new_own(rep))?);
        Ok(())
    })?;
    look_up.func_wrap("resolve-addresses", |store, (network, name): (Resource<Network>, String)| {
        Ok((begin(store, &network, &name)?,))
    })?;
    look_up.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |store, (look_up,): (Resource<LookUp>,)| Ok((next(store, &look_up)?,)),
    )?;
    look_up.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store, (look_up,): (Resource<LookUp>,)| -> wasmtime::Result<(Resource<DynPollable>,)> {
            Ok((subscribe(store.data_mut().ctx().table, look_up)?,))
        },
    )
}

fn begin(
    mut store: StoreContextMut<'_, Guest>,
    network: &Resource<Network>,
    name: &str,
) -> wasmtime::Result<Result<Resource<LookUp>, ErrorCode>> {
    let guest = store.data_mut();
    // It stands for the right to ask at all.
    guest.ctx().table.get(network)?;
    let reach = guest.reach();
    let Some(host) = reach.may_look_up(name) else {
        guest.transcript.refuse(refusal(name));
        return Ok(Err(ErrorCode::AccessDenied));
    };
    Ok(Ok(guest.ctx().table.push(LookUp::begin(host, &reach))?))
}

fn next(
    mut store: StoreContextMut<'_, Guest>,
    look_up: &Resource<LookUp>,
) -> wasmtime::Result<Result<Option<IpAddress>, ErrorCode>> {
    let guest = store.data_mut();
    let reach = guest.reach();
    let look_up = guest.ctx().table.get_mut(look_up)?;
    Ok(look_up.next().map(|found| {
        found.iter().for_each(|address| reach.found(&look_up.host, *address));
        found.map(IpAddress::from)
    }))
}

/// The name of what a guest was refused that it wanted to look up: that of a grant where there can be one.
fn refusal(name: &str) -> String {
    match host(name).and_then(|host| NetGrant::of(&host)) {
        Some(grant) => format!("net:{grant}"),
        None => format!("lookup:{}", name.escape_default().take(256).collect::<String>()),
    }
}
