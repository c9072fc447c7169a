//! The machine inside appengine: events, queues, flows and delivery, without edges.
pub mod clock;
pub mod ids;
pub mod store;
pub mod supervision;
