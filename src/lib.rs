//! x

pub mod gateway;
