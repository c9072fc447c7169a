//! The machine inside appengine: events, queues, flows and delivery, without edges.
pub mod clock;
pub mod event;
pub mod flow;
pub mod ids;
pub mod keys;
pub mod record;
pub mod store;
pub mod supervision;
