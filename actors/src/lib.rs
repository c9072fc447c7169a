//! The machine inside appengine: events, queues, flows and delivery, without edges.
pub mod clock;
pub mod ids;
pub mod leases;
pub mod store;
#[cfg(feature = "testkit")]
pub mod testkit;
