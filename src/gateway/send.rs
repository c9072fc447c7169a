//! What is sent to one client: events, answers, and goodbye.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::{SendError, SocketError};

use super::connections::Carrier;
use super::outbox::Outbox;
use super::protocol::{ErrorEvent, Failure, NOTHING, event};

/// The acknowledgement that a client may be waiting for. Sending one that was not asked for does nothing.
pub(super) struct Reply(SocketRef, AckSender);

impl Reply {
    /// To the client behind a socket.
    pub const fn new(socket: SocketRef, ack: AckSender) -> Self {
        Self(socket, ack)
    }

    pub fn send<T: Serialize>(self, answer: &T) {
        let Self(socket, ack) = self;
        deliver(&socket, None, answer, |answer| ack.send(answer));
    }
}

/// Sends to one client.
pub(super) fn push<T: Serialize>(socket: &SocketRef, event: &str, payload: &T) {
    deliver(socket, Some(event), payload, |payload| socket.emit(event, payload));
}

/// Sends an event that carries nothing.
pub(super) fn push_bare(socket: &SocketRef, event: &str) {
    sent(socket, Some(event), 0, socket.emit(event, &NOTHING));
}

/// Sends, and counts what was sent.
fn deliver<T: Serialize>(
    socket: &SocketRef,
    event: Option<&str>,
    payload: &T,
    send: impl FnOnce(&RawValue) -> Result<(), SendError>,
) {
    let text = match to_raw_value(payload) {
        Ok(text) => text,
        Err(error) => return tracing::error!(%error, namespace = socket.ns(), "failed to encode a message"),
    };
    let outcome = send(&text);
    sent(socket, event, text.get().len(), outcome);
}

fn sent(socket: &SocketRef, event: Option<&str>, bytes: usize, outcome: Result<(), SendError>) {
    match outcome {
        Ok(()) => {
            if let Some(outbox) = Outbox::of(socket) {
                outbox.count(socket.ns(), event, bytes);
            }
        }
        Err(error) => give_up(socket, &error),
    }
}

pub(super) fn reject(socket: &SocketRef, ack: AckSender, event: &str, failure: &Failure) {
    let name: String = event.chars().take(MAX_NAME).collect();
    let told = ErrorEvent { code: failure.error, message: &failure.message, event: &name };
    push(socket, event::ERROR, &told);
    Reply(socket.clone(), ack).send(failure);
}

/// How much of an unknown event's name is repeated to its sender.
const MAX_NAME: usize = 64;

/// A client that does not keep up is cut: it connects again and catches up. Dropping single messages instead
/// would leave a gap that nobody notices.
fn give_up(socket: &SocketRef, error: &SendError) {
    match error {
        SendError::Socket(SocketError::Closed) => {}
        SendError::Socket(SocketError::InternalChannelFull) => {
            tracing::warn!(sid = %socket.id, namespace = socket.ns(), "slow client cut: its buffer is full");
            if let Some(carrier) = Carrier::of(socket) {
                carrier.cut(&socket.id.to_string());
            }
        }
        SendError::Serialize(error) => {
            tracing::error!(%error, namespace = socket.ns(), "failed to encode a message");
        }
    }
}

pub(super) fn let_go(socket: SocketRef) {
    // Fails only when the buffer is full, and then `push` has cut the connection already.
    let _ = socket.disconnect();
}
