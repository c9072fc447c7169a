//! One client that hears what is said. Whatever carries it implements [`Seat`]; sessions know no more of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::person::Address;
use crate::store::StoreError;

/// Which seat it is, as long as this process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatId(u64);

impl SeatId {
    /// One that nobody has yet.
    #[must_use]
    pub fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Something to be heard, encoded once for everybody who hears it.
#[derive(Debug, Clone)]
pub struct Frame {
    event: &'static str,
    payload: Arc<RawValue>,
    by: Option<Address>,
}

impl Frame {
    /// An event with its payload.
    ///
    /// # Errors
    /// When the payload has no JSON form, which is a fault of this program.
    pub fn of<T: Serialize>(event: &'static str, payload: &T) -> Result<Self, StoreError> {
        let payload = to_raw_value(payload).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Self { event, payload: Arc::from(payload), by: None })
    }

    /// The same, as somebody's word: those who want to hear nothing of them do not.
    #[must_use]
    pub fn by(self, whom: Address) -> Self {
        Self { by: Some(whom), ..self }
    }

    /// Whose word it is.
    #[must_use]
    pub const fn speaker(&self) -> Option<&Address> {
        self.by.as_ref()
    }

    /// The event's name.
    #[must_use]
    pub const fn event(&self) -> &'static str {
        self.event
    }

    /// Its payload, as JSON.
    #[must_use]
    pub fn payload(&self) -> &RawValue {
        &self.payload
    }
}

/// A client has as much waiting for it as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("send to a client: it does not keep up")]
pub struct Full;

/// A connected client.
pub trait Seat: Send + Sync + 'static {
    /// Which one.
    fn id(&self) -> SeatId;

    /// Sends what must not be lost, in the order in which it is called. What was refused was not sent.
    ///
    /// # Errors
    /// When too much waits for the client already. One that is gone is no error.
    fn push(&self, frame: &Frame) -> Result<(), Full>;

    /// Sends what is worth nothing later, such as that somebody types: left out where much waits already.
    fn hint(&self, frame: &Frame);

    /// Ends the connection of a client that does not keep up: it comes again, and catches up from the store.
    fn cut(&self);
}
