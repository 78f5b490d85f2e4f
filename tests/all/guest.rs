//! Where the compiled guests are.

use std::path::PathBuf;

/// The compiled guest of this name.
///
/// # Panics
/// It is not built.
pub fn guest(name: &str) -> PathBuf {
    let target = std::env::var_os("RUSTYRAY_GUESTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/wasm32-wasip2/release")),
        PathBuf::from,
    );
    let path = target.join(name).with_extension("wasm");
    assert!(path.exists(), "guest {name} is not built: run `make guests`");
    path
}
