//! The tasks and the actor that `embed` runs: a bakery's orders and its till.
//!
//! A library, so it has no `main`: the program that embeds the host calls the tasks itself.

use rustyray::prelude::*;

/// The embedder's own interface, beside those of the SDK.
mod bindings {
    wit_bindgen::generate!({ world: "guest", path: "wit" });
}

use bindings::bakery::prices::price_list;

/// Lines such as `3 rye loaf`.
#[rustyray::remote]
fn read_order(path: String) -> Result<Vec<(u32, String)>> {
    let reading = |error| Error::from(error).context(format!("reading {path}"));
    let text = std::fs::read_to_string(&path).map_err(reading)?;
    text.lines().map(read_line).collect()
}

fn read_line(line: &str) -> Result<(u32, String)> {
    let Some((amount, item)) = line.split_once(' ') else {
        rustyray::bail!("'{line}' is no line of an order: expected an amount and an item");
    };
    Ok((amount.parse()?, item.to_owned()))
}

/// What an order costs, in cents. The prices are asked of the embedding program.
#[rustyray::remote]
fn cost(order: Vec<(u32, String)>) -> Result<u32> {
    let line_cost = |(amount, item): &(u32, String)| match price_list::price(item) {
        Some(price) => Ok(amount * price),
        None => Err(Error::msg(format!("'{item}' is not sold here"))),
    };
    order.iter().map(line_cost).sum()
}

/// Bakes for ever.
#[rustyray::remote]
fn bake() -> u32 {
    let mut loaves = 0u32;
    loop {
        loaves = std::hint::black_box(loaves.wrapping_add(1));
    }
}

/// Remembers what was paid.
#[rustyray::actor]
struct Till {
    cents: u32,
}

#[rustyray::actor_methods]
impl Till {
    fn new() -> Self {
        Till { cents: 0 }
    }

    fn starting_with(cents: u32) -> Self {
        Till { cents }
    }

    /// Takes a payment, and tells what is in the till.
    fn pay(&mut self, cents: u32) -> u32 {
        self.cents += cents;
        self.cents
    }
}
