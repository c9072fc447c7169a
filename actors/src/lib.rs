//! The machine inside appengine: events, queues, flows and delivery, without edges.
#![cfg_attr(test, allow(missing_docs))]
pub mod clock;
pub mod ids;
pub mod leases;
pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
