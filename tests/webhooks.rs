//! Endpoints of webhooks over REST, with a real receiver over a real socket: the contract's §14 as an integrator
//! meets it.

#![allow(clippy::unwrap_used, reason = "a test reports by panicking")]

mod support;

#[path = "webhooks/explain.rs"]
mod explain;
#[path = "webhooks/house.rs"]
mod house;
#[path = "webhooks/lives.rs"]
mod lives;
#[path = "webhooks/replays.rs"]
mod replays;
#[path = "webhooks/sending.rs"]
mod sending;
