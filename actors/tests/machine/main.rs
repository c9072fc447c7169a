//! The machine as its callers see it: on a store in memory, with a clock turned by hand and a transport
//! out of a script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests report by panicking")]

mod assist;
mod bus;
mod chat;
mod collapse;
mod community;
mod delivery;
mod desk;
mod endpoints;
mod flow;
mod queue;
mod reading;
mod retention;
mod schedule;
mod stream;
mod sync;
mod vendors;
mod whole;
