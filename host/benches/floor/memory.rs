//! Soon.
pub const MEASUREMENTS: &[crate::Measurement] = &[];
pub const PROBES: &[crate::probe::Probe] = &[];
