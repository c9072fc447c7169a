//! What tests of the machine stand on: a store in memory, a clock turned by hand, and the story
//! that every store engine must pass. Only tests use this; it is compiled with the feature `testkit`.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test kit reports by panicking")]

pub mod clock;
pub mod conformance;
pub mod memory;
pub mod model;

pub use clock::ManualClock;
pub use conformance::Open;
pub use memory::MemoryStore;
