//! The machine inside appengine: events, queues, flows and delivery, without edges.
pub mod bus;
pub mod clock;
pub mod duration;
pub mod event;
pub mod feed;
pub mod flow;
pub mod house;
pub mod ids;
pub mod keys;
pub mod ports;
pub mod queue;
pub mod record;
pub mod retry;
pub mod store;
pub mod supervision;
pub mod webhook;
