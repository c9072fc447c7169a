//! Supervision as callers see it, with small actors that keep their state in the store: who is restarted,
//! what a caller gets meanwhile, and that nothing acknowledged is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests report by panicking")]

mod groups;
mod ledger;
mod nursery;
mod restarts;
mod world;
