//! What the actor of schedules hears.

use actix::Message;

/// Schedules were written: see which is due next.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Look;
