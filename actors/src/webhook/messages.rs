//! What a destination hears.

use actix::Message;

use super::breaker::Health;
use super::delivery::{Delivery, Spot};
use crate::ids::{DeliveryId, EndpointId};

/// Deliveries that the store holds already became owed. A hint: a destination that misses it looks for
/// itself when it starts, or when it is told to.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct DeliveriesAdded(pub Vec<Delivery>);

/// A delivery that waited, or had ended, was changed: it waits there now.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct DeliveryMoved(pub Spot, pub DeliveryId);

/// The endpoint was written: it is to be read anew.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct EndpointChanged;

/// Asks how the receiver is.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Health")]
pub struct GetHealth;

/// The lost hint that stands for all destinations: whom it was for is not known.
pub const ALL_DESTINATIONS: &str = "dst_";

/// What lost hints for destinations begin with.
pub const DESTINATIONS: [&str; 2] = [ALL_DESTINATIONS, EndpointId::PREFIX];

/// Look into the store: hints were lost.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Look;

/// Asks for no new attempts to be begun, and for an answer when none is under way any more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Drain;
