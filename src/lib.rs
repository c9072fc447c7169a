//! The edges of appengine and its command line.

pub mod cli;
pub mod config;
pub mod store;
pub mod telemetry;

