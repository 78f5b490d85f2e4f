//! The files of the command line that read what a user configures. They are a part of a program, which has no library.

#[path = "../../../host/src/cli"]
#[allow(dead_code, reason = "what the program does with it is not done here")]
mod files {
    pub mod amounts;
    pub mod config {
        pub mod document;
        pub mod keys;
    }
    pub mod grant_texts;
    pub mod suggestion;
}

pub use files::*;
