//! The machine inside appengine: events, queues, flows and delivery, without edges.

pub mod record;
