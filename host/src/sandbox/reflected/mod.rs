//! Components that know nothing of this host: their exported functions are tasks all the same. Arguments and results are
//! translated by the types that the component declares.

mod binary;
mod budget;
mod cases;
mod exports;
mod function;
mod json;
mod json_text;
mod json_tree;
mod leftovers;
pub(super) mod lifted;
pub(super) mod resources;
pub(super) mod steps;
pub(super) mod text;

pub use budget::{Budget, Kept, Left, Payer};
pub use exports::PlainExports;
pub use function::{Argument, PlainFunction};

#[cfg(test)]
mod tests;
