//! Clients that mean harm, or are broken: whatever they do, others are answered meanwhile, and nothing of them is left
//! afterwards: no connection, no session, no seat among those who hear. The whole server, and clients by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test reports by panicking")]

mod support;

#[path = "abuse/floods.rs"]
mod floods;
#[path = "abuse/house.rs"]
mod house;
#[path = "abuse/idlers.rs"]
mod idlers;
#[path = "abuse/memory.rs"]
mod memory;
#[path = "abuse/nonsense.rs"]
mod nonsense;
#[expect(dead_code, reason = "tests/one_port.rs uses the rest")]
#[path = "one_port/wire.rs"]
mod wire;
