//! What tests of the machine stand on: a store in memory, a clock turned by hand, a transport out of a
//! script, a whole machine on the three, and the story that every store engine must pass. Only tests
//! use this; it is compiled with the feature `testkit`.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test kit reports by panicking")]

pub mod clock;
pub mod conformance;
pub mod house;
pub mod memory;
pub mod model;
pub mod probe;
pub mod settings;
pub mod transport;
pub mod vault;

pub use clock::ManualClock;
pub use conformance::Open;
pub use house::{ADA, Setup, TestHouse};
pub use memory::MemoryStore;
pub use transport::{Answer, ScriptedTransport};
