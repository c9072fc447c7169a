//! The edges of appengine and its command line.

pub mod config;
