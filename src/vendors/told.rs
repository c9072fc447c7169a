//! What a call means.

use appengine_actors::clock::Timestamp;
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

/// A text at a JSON pointer, if there is one that says something.
#[must_use]
pub fn text(of: &Value, pointer: &str) -> Option<String> {
    let found = of.pointer(pointer)?.as_str()?;
    (!found.is_empty()).then(|| found.to_owned())
}

/// A value at a JSON pointer, or null.
#[must_use]
pub fn value(of: &Value, pointer: &str) -> Value {
    of.pointer(pointer).cloned().unwrap_or_default()
}

/// A moment in seconds since 1970 at a JSON pointer, as a number or as digits.
#[must_use]
pub fn seconds(of: &Value, pointer: &str) -> Option<Timestamp> {
    let found = of.pointer(pointer)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a moment after 1970, in milliseconds"
    )]
    let millis = |seconds: f64| (seconds.is_finite() && seconds >= 0.0).then_some((seconds * 1000.0) as u64);
    let seconds = found.as_f64().or_else(|| found.as_str()?.parse().ok())?;
    millis(seconds).map(Timestamp::from_millis)
}

/// A moment as RFC 3339 at a JSON pointer.
#[must_use]
pub fn moment(of: &Value, pointer: &str) -> Option<Timestamp> {
    of.pointer(pointer)?.as_str()?.parse().ok()
}
