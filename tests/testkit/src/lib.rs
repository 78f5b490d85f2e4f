//! What the tests of several packages share, and none of which knows the host.

pub mod census;
pub mod seeds;

use std::path::{Path, PathBuf};

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The compiled guest of this name.
///
/// # Panics
/// It is not built.
pub fn guest(name: &str) -> PathBuf {
    let target =
        std::env::var_os("RUSTYRAY_GUESTS").map_or_else(|| root().join("target/wasm32-wasip2/release"), PathBuf::from);
    let path = target.join(name).with_extension("wasm");
    assert!(path.exists(), "guest {name} is not built: run `make guests`");
    path
}

/// A folder for what tests leave to each other, beside those of this program's profile.
pub fn scratch() -> PathBuf {
    let program = std::env::current_exe().expect("a test is a file");
    // It lies in `target/PROFILE/deps`.
    program.ancestors().nth(3).expect("cargo built it").join("tmp")
}
