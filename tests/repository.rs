//! Records over REST, against a whole server in this process: the contract's §3 as clients see it.
#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

#[path = "repository/bad_input.rs"]
mod bad_input;
#[path = "repository/dynamic.rs"]
mod dynamic;
#[path = "repository/house.rs"]
#[allow(dead_code, reason = "those who look at headers use the rest")]
mod house;
#[path = "repository/identity.rs"]
mod identity;
#[path = "repository/keys.rs"]
mod keys;
#[path = "repository/people.rs"]
mod people;
#[path = "repository/reading.rs"]
mod reading;
#[path = "repository/writing.rs"]
mod writing;
