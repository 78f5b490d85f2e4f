//! The interface that this program offers its guests, beside those of the host.

use rustyray_host::{Guest, HostBuilder, wasmtime};
use wasmtime::component::HasSelf;

use bindings::bakery::prices::price_list;

#[allow(unsafe_code, reason = "generated")]
mod bindings {
    rustyray_host::wasmtime::component::bindgen!({
        path: "guest/wit",
        world: "guest",
        wasmtime_crate: rustyray_host::wasmtime,
    });
}

/// What the host keeps for each guest that asks for prices.
struct PriceList {
    cents: &'static [(&'static str, u32)],
}

impl price_list::Host for PriceList {
    fn price(&mut self, item: String) -> Option<u32> {
        let found = self.cents.iter().find(|(sold, _)| *sold == item);
        found.map(|(_, cents)| *cents)
    }
}

/// Adds the price list to what the guests of a host can import.
pub fn offer(builder: HostBuilder, cents: &'static [(&'static str, u32)]) -> HostBuilder {
    builder.imports_with(
        move || PriceList { cents },
        |linker| price_list::add_to_linker::<_, HasSelf<PriceList>>(linker, |guest: &mut Guest| guest.extension()),
    )
}
