//! A socket as the sessions know it: somewhere to send to.

use std::sync::Arc;

use appengine_actors::session::seat::{Frame, Full, Seat, SeatId};
use socketioxide::extract::SocketRef;
use socketioxide::{SendError, SocketError};

use super::connections::Carrier;
use super::outbox::Outbox;

/// A client of a namespace.
pub(super) struct SocketSeat {
    id: SeatId,
    socket: SocketRef,
    outbox: Option<Arc<Outbox>>,
}

impl SocketSeat {
    /// The seat of a socket.
    pub fn new(socket: SocketRef) -> Self {
        let outbox = Outbox::of(&socket).cloned();
        Self { id: SeatId::next(), socket, outbox }
    }

    fn send(&self, frame: &Frame) -> Result<(), Full> {
        match self.socket.emit(frame.event(), frame.payload()) {
            Ok(()) => {
                if let Some(outbox) = &self.outbox {
                    outbox.count(self.socket.ns(), Some(frame.event()), frame.payload().get().len());
                }
                Ok(())
            }
            Err(SendError::Socket(SocketError::InternalChannelFull)) => Err(Full),
            Err(SendError::Serialize(error)) => {
                tracing::error!(%error, event = frame.event(), "failed to encode a message");
                Ok(())
            }
            // One that is gone leaves its seat in a moment.
            Err(SendError::Socket(SocketError::Closed)) => Ok(()),
        }
    }
}

impl Seat for SocketSeat {
    fn id(&self) -> SeatId {
        self.id
    }

    fn push(&self, frame: &Frame) -> Result<(), Full> {
        if let Some(outbox) = &self.outbox {
            outbox.room(&self.socket)?;
        }
        self.send(frame)
    }

    fn hint(&self, frame: &Frame) {
        if self.outbox.as_ref().is_none_or(|outbox| outbox.spare(&self.socket).is_ok()) {
            // Left out where there is no room.
            let _ = self.send(frame);
        }
    }

    fn cut(&self) {
        tracing::warn!(sid = %self.socket.id, namespace = self.socket.ns(), "slow client cut: it takes nothing");
        if let Some(carrier) = Carrier::of(&self.socket) {
            carrier.cut(&self.socket.id.to_string());
        }
    }
}
