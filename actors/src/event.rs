//! Events: what happened, to whom, when and because of what. An event is a fact: it is written once,
//! never changed. It knows nothing of those who react to it.

pub mod pattern;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::clock::Timestamp;
use crate::ids::{EventId, JobId, OrgId, RunId};
use crate::keys::Node;

/// What kind of thing happened: dot-separated words such as `contact.created`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKind(Arc<str>);

/// Why a text is not an event kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "read `{0}` as an event: expected 1 to 128 characters, words of letters, digits, `_` and `-` joined by dots"
)]
pub struct EventKindError(String);

impl EventKind {
    /// Takes a text that keeps the rule for event kinds.
    ///
    /// # Errors
    /// Says the rule when the text breaks it.
    pub fn new(text: &str) -> Result<Self, EventKindError> {
        let word =
            |w: &str| !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if text.len() <= 128 && text.split('.').all(word) {
            Ok(Self(text.into()))
        } else {
            Err(EventKindError(text.chars().take(64).collect()))
        }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// What led to something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Cause {
    /// An event.
    Event {
        /// Which one.
        id: EventId,
    },
    /// A step of a run.
    Run {
        /// Which run.
        id: RunId,
        /// Which of its steps.
        step: Option<String>,
    },
    /// A job.
    Job {
        /// Which one.
        id: JobId,
    },
}

impl Cause {
    /// What it is in the tree of causes.
    #[must_use]
    pub const fn node(&self) -> Node {
        match self {
            Self::Event { id } => Node::Event(*id),
            Self::Run { id, .. } => Node::Run(*id),
            Self::Job { id } => Node::Job(*id),
        }
    }
}

/// Something that happened in an organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its id, unique in the organisation.
    pub id: EventId,
    /// Its kind.
    #[serde(rename = "event")]
    pub kind: EventKind,
    /// Whose it is.
    pub org_id: OrgId,
    /// When it was accepted.
    pub timestamp: Timestamp,
    /// When it happened, where its publisher said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// What is known about it: for records the whole record as it was written.
    pub data: Value,
    /// What led to it; none when it came from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// How many runs stand between it and the outside: what stops loops.
    #[serde(default)]
    pub depth: u32,
    /// Who caused it, as far as a person or key is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// An event that is about to be published. Its id is chosen by whoever publishes, so that publishing
/// twice is noticed.
#[derive(Debug, Clone, PartialEq)]
pub struct EventDraft {
    /// The id that it will have.
    pub id: EventId,
    /// Its kind.
    pub kind: EventKind,
    /// What is known about it.
    pub data: Value,
    /// When it happened, if that is not now.
    pub occurred_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_words_joined_by_dots() {
        for good in ["contact.created", "collection-create", "a.b.c_d-1"] {
            assert!(EventKind::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "ä", &"a".repeat(129)] {
            assert!(EventKind::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_event_reads_as_the_contract_writes_it() {
        let json = serde_json::json!({
            "id": "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV", "event": "order.paid", "orgId": "my-org",
            "timestamp": "2026-04-25T10:00:00.000Z", "data": {"amount": 1},
            "cause": {"type": "event", "id": "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "depth": 1
        });
        let event: Event = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
    }
}
