//! How the bytes of a value are to be read.

use serde::Serialize;

/// How the bytes of a payload are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// bincode 2, standard configuration, through serde.
    #[default]
    Bincode,
    /// JSON as UTF-8 text.
    Json,
    /// The bytes are the value.
    Raw,
}
