//! Guests that attack. Each attack has a host and a process of its own, a neighbour that works on beside it, and a census
//! before and after.

mod arena;
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
