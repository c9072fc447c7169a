//! What a vendor's call means to us, in the words of our own events.

use crate::clock::Timestamp;
use serde_json::{Map, Value};

/// One thing that a call tells: it becomes one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The event's kind: `payment.succeeded`.
    pub kind: &'static str,
    /// The vendor's own id of it, the same when it is told again; within one vendor and organisation it is an event once.
    pub id: String,
    /// When it happened, where the vendor says so.
    pub at: Option<Timestamp>,
    /// The event's data, by the names that flows use. The vendor's own payload is added to it as `payload`.
    pub data: Map<String, Value>,
    /// The vendor's own words for it: what `payload` becomes.
    pub payload: Value,
    /// Whom it is about, where the payload says so: looked up among the contacts, or made one.
    pub contact: Option<Contact>,
    /// What became of something that we sent.
    pub delivery: Option<Delivery>,
}

impl Told {
    /// Something of a kind, about what the vendor calls by this id.
    #[must_use]
    pub fn new(kind: &'static str, id: impl Into<String>, payload: &Value) -> Self {
        let (id, payload) = (id.into(), payload.clone());
        Self { kind, id, at: None, data: Map::new(), payload, contact: None, delivery: None }
    }

    /// When it happened.
    #[must_use]
    pub fn at(self, at: Option<Timestamp>) -> Self {
        Self { at, ..self }
    }

    /// A field of the data; one that is null is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.data.insert(name.to_owned(), value);
        }
        self
    }

    /// Whom it is about.
    #[must_use]
    pub fn about(self, contact: Contact) -> Self {
        let is_somebody = contact.email.is_some() || contact.phone.is_some();
        Self { contact: is_somebody.then_some(contact), ..self }
    }

    /// What became of something that we sent.
    #[must_use]
    pub fn delivered(self, delivery: Delivery) -> Self {
        Self { delivery: Some(delivery), ..self }
    }
}

/// Somebody, as a payload names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their telephone number, as E.164 where the vendor sends that.
    pub phone: Option<String>,
    /// Their name.
    pub name: Option<String>,
}

/// What became of something that we sent (contract §9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The vendor's id of what was sent.
    pub message: String,
    /// The status that it takes; none where only the list of events grows, such as by a soft bounce.
    pub status: Option<&'static str>,
    /// To whom.
    pub recipient: Option<String>,
    /// The vendor's word for it.
    pub provider_event: String,
    /// From where it was opened or clicked.
    pub ip: Option<String>,
    /// By which program.
    pub user_agent: Option<String>,
    /// The link that was followed.
    pub url: Option<String>,
}
