//! The edges of appengine and its command line.

pub mod auth;
pub mod cli;
pub mod config;
pub mod gateway;
pub mod outbound;
pub mod telemetry;
