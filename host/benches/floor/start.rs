//! Soon.
pub const MEASUREMENTS: &[crate::Measurement] = &[];
