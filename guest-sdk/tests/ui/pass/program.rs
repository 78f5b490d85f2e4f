//! The program that the project began with, word for word. Running it takes a host, compiling it does not.

#[path = "../program.rs"]
#[allow(dead_code)]
mod program;

fn main() {}
