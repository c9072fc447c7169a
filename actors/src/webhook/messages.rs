//! What a destination hears.

use actix::Message;

use super::delivery::Delivery;

/// Deliveries that the store holds already became owed. A hint: a destination that misses it looks for
/// itself when it starts, or when it is told to.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct DeliveriesAdded(pub Vec<Delivery>);

/// The lost hint that stands for all destinations: whom it was for is not known.
pub const ALL_DESTINATIONS: &str = "dst_";

/// Look into the store: hints were lost.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Look;

/// Asks for no new attempts to be begun, and for an answer when none is under way any more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Drain;
