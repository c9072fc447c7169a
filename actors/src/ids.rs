//! The names of things. Every id is a newtype with a prefix and a time-ordered body, parsed once at
//! the edge and never again. Nothing here touches a clock or a store.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use crate::clock::Timestamp;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text lacks the kind's prefix or its body is not a ULID.
    #[error("read `{text}` as an id: expected `{prefix}` and 26 characters")]
    Malformed {
        /// What was given, cut to 64 characters.
        text: String,
        /// The prefix that such an id carries.
        prefix: &'static str,
    },
    /// An organisation or record name breaks the rules for names.
    #[error("read `{text}` as {what}: {rule}")]
    BadName {
        /// What was given, cut to 64 characters.
        text: String,
        /// What it should have been.
        what: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
}

fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

macro_rules! time_ordered_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// What every such id begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new id that sorts after all ids of earlier milliseconds.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                Self(Ulid::from_parts(now.as_millis(), rand::random()))
            }

            /// When it was made.
            #[must_use]
            pub const fn time(self) -> Timestamp {
                Timestamp::from_millis(self.0.timestamp_ms())
            }

            /// The sixteen bytes that stand for this id in a key: their order is the order of time.
            #[must_use]
            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// The id that a key's sixteen bytes stand for.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(Self::PREFIX)
                    .and_then(|body| {
                        // Other spellings of the same number would be other texts for the same thing.
                        Ulid::from_string(body).ok().filter(|id| id.to_string() == body)
                    })
                    .map(Self)
                    .ok_or_else(|| IdError::Malformed { text: shorten(text), prefix: Self::PREFIX })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

time_ordered_id!(
    /// One event in an organisation's log.
    EventId, "evt_"
);
time_ordered_id!(
    /// One run of a flow.
    RunId, "run_"
);
time_ordered_id!(
    /// One job in a queue.
    JobId, "job_"
);
time_ordered_id!(
    /// One receiver of webhooks that an organisation has registered.
    EndpointId, "ep_"
);
time_ordered_id!(
    /// One replay of events or deliveries.
    ReplayId, "rpl_"
);
time_ordered_id!(
    /// One webhook delivery with all its attempts: what the receiver sees as `webhook-id`.
    DeliveryId, "dlv_"
);
time_ordered_id!(
    /// One schedule.
    ScheduleId, "sch_"
);
time_ordered_id!(
    /// One file that was uploaded.
    FileId, "file_"
);
time_ordered_id!(
    /// One message of a conversation.
    MessageId, "msg_"
);
time_ordered_id!(
    /// One group of a community.
    GroupId, "grp_"
);

time_ordered_id!(
    /// One answer of a language model, as a stream. Nobody guesses it: eighty of its bits are random.
    StreamId, "str_"
);
time_ordered_id!(
    /// One integration: a vendor that an organisation has connected.
    IntegrationId, "int_"
);
time_ordered_id!(
    /// One call of a vendor.
    CallId, "call_"
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal, $rule:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text that keeps the rule for such names.
            ///
            /// # Errors
            /// Says the rule when the text breaks it.
            pub fn new(text: &str) -> Result<Self, IdError> {
                let allowed: fn(char) -> bool = $allowed;
                let fits = !text.is_empty() && text.len() <= $max && text.chars().all(allowed);
                let hidden = text == "." || text == "..";
                if fits && !hidden {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError::BadName { text: shorten(text), what: $what, rule: $rule })
                }
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// An organisation: the tenant that every key, query and token belongs to.
    OrgId, "an organisation's id", 64,
    "1 to 64 characters out of letters, digits, `.`, `_` and `-`",
    |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
);
name!(
    /// A collection of records, such as `contact`.
    Datatype, "a datatype", 64,
    "1 to 64 characters out of letters, digits, `_` and `-`",
    |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
);
name!(
    /// A record's id within its organisation and datatype: the contract's `sk`.
    RecordId, "a record's id", 128,
    "1 to 128 characters, none of them a space, a slash or a control character",
    |c| !c.is_control() && !c.is_whitespace() && !matches!(c, '/' | '\\' | '?' | '#')
);
name!(
    /// A queue, such as `notification`.
    QueueName, "a queue's name", 64,
    "1 to 64 characters out of letters, digits, `_` and `-`",
    |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
);

impl RecordId {
    /// A new id for a record of `datatype`: its name and a time-ordered body, `contact-01j…`.
    #[must_use]
    pub fn generate(datatype: &Datatype, now: Timestamp) -> Self {
        let body = Ulid::from_parts(now.as_millis(), rand::random());
        let text = format!("{datatype}-{body}").to_ascii_lowercase();
        Self(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_bytes_and_json() {
        let id = EventId::new(Timestamp::from_millis(1_750_000_000_000));
        assert_eq!(id.to_string().parse::<EventId>().unwrap(), id);
        assert_eq!(EventId::from_bytes(id.to_bytes()), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<EventId>(&json).unwrap(), id);
    }

    #[test]
    fn later_ids_sort_later_as_bytes() {
        let early = JobId::new(Timestamp::from_millis(1));
        let late = JobId::new(Timestamp::from_millis(2));
        assert!(early.to_bytes() < late.to_bytes());
    }

    #[test]
    fn a_foreign_prefix_is_refused_with_the_right_one() {
        let run = RunId::new(Timestamp::from_millis(1)).to_string();
        let problem = run.parse::<EventId>().unwrap_err().to_string();
        assert!(problem.contains("`evt_`"), "{problem}");
    }

    #[test]
    fn names_that_could_climb_or_split_a_key_are_refused() {
        for bad in ["", "..", "a/b", "a\0b", "a b", &"x".repeat(129)] {
            assert!(RecordId::new(bad).is_err(), "{bad:?}");
        }
        for bad in ["", ".", "a b", "ä", "a\0"] {
            assert!(OrgId::new(bad).is_err(), "{bad:?}");
        }
        assert!(RecordId::new("contact-abc").is_ok());
    }
}
