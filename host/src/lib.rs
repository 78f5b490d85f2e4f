pub mod words; mod state;
pub use words::{limits, clock, capabilities::*, resources::*, options::*};
