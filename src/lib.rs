//! x
pub mod outbound;
