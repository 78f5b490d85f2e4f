//! Guests that attack. Each attack has a host and a process of its own, a neighbour that works on beside it, and a census
//! before and after.

mod arena;
mod census;
mod chaos;
mod cycles;
mod dice;
mod escapes;
mod fates;
mod floods;
mod forge;
mod neighbour;

mod growth;
mod hoards;
mod lies;
mod loops;
mod modules;
mod payloads;
mod shifts;
mod storms;

#[path = "../all/guest.rs"]
mod guest;
#[allow(dead_code, reason = "shared with the models, which need more of it")]
#[path = "../../host/src/state/model/seeds.rs"]
mod seeds;
#[allow(dead_code, reason = "shared with the other tests, which need more of it")]
#[path = "../all/support.rs"]
mod support;
