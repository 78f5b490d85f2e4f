//! The program that the project began with, word for word: the SDK's tests compile it, this one is run.

include!("../../../../guest-sdk/tests/ui/program.rs");
