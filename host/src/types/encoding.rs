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

impl Encoding {
    /// As one byte of what is kept beyond this process.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Encoding::Bincode => 0,
            Encoding::Json => 1,
            Encoding::Raw => 2,
        }
    }

    /// The encoding of this byte.
    pub(crate) fn of_tag(tag: u8) -> Option<Self> {
        [Encoding::Bincode, Encoding::Json, Encoding::Raw].into_iter().find(|encoding| encoding.tag() == tag)
    }
}
