//! Which conversation it is (contract §5.2). Every spelling that clients use of one conversation is read as the one
//! that the server writes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::OrgId;
use crate::session::hall::RoomName;
use crate::session::person::{Address, Person, Side};

/// Characters of a conversation's id.
const LONGEST: usize = 256;

/// Why a text is no conversation's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read `{0}` as a chat's id: expected 1 to {LONGEST} characters such as `customer::ann@example.com`")]
pub struct ChatIdError(String);

/// The id of a conversation.
///
/// | written | read too | what it is |
/// |---|---|---|
/// | `customer::{email}` | `customer:{email}` | a customer's |
/// | `customer:{guest's record}:{email}` | | a guest's: whoever says an address need not own it |
/// | `{email}\|{email}`, sorted | the other order | two of the staff |
/// | any other text | | what an agent opens |
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatId(Arc<str>);

/// Whose conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between<'a> {
    /// A customer with the staff: their address and, where they are a guest, their record.
    Customer {
        /// The address.
        email: &'a str,
        /// The guest's record.
        guest: Option<&'a str>,
    },
    /// Two people of the staff.
    Pair(&'a str, &'a str),
    /// Whoever of the staff joins it.
    Staff,
}

impl ChatId {
    /// Reads any of the spellings.
    ///
    /// # Errors
    /// When the text is empty, too long or has control characters.
    pub fn new(text: &str) -> Result<Self, ChatIdError> {
        let too_long = text.chars().count() > LONGEST;
        let text = text.trim();
        if text.is_empty() || too_long || text.chars().any(char::is_control) {
            return Err(ChatIdError(text.chars().take(64).collect()));
        }
        if let Some(rest) = text.strip_prefix("customer:") {
            let (guest, email) = rest.split_once(':').unwrap_or(("", rest));
            let email = email.to_lowercase();
            return Ok(Self(format!("customer:{guest}:{email}").into()));
        }
        if let Some((one, other)) = text.split_once('|')
            && [one, other].iter().all(|email| email.contains('@') && !email.contains('|'))
        {
            return Ok(Self::pair(one, other));
        }
        Ok(Self(text.into()))
    }

    /// A customer's own conversation.
    #[must_use]
    pub fn of_customer(person: &Person) -> Self {
        let guest = if person.guest { person.id.as_str() } else { "" };
        Self(format!("customer:{guest}:{}", person.email.to_lowercase()).into())
    }

    /// The conversation of two people of the staff.
    #[must_use]
    pub fn pair(one: &str, other: &str) -> Self {
        let (one, other) = (one.to_lowercase(), other.to_lowercase());
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        Self(format!("{first}|{second}").into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose it is.
    #[must_use]
    pub fn between(&self) -> Between<'_> {
        let customer = self.0.strip_prefix("customer:").and_then(|rest| rest.split_once(':'));
        if let Some((guest, email)) = customer {
            return Between::Customer { email, guest: Some(guest).filter(|guest| !guest.is_empty()) };
        }
        match self.0.split_once('|') {
            Some((one, other)) if one.contains('@') && other.contains('@') => Between::Pair(one, other),
            _ => Between::Staff,
        }
    }

    /// Whether somebody may hear it and speak in it: a customer in their own, staff in all but what is between two
    /// others.
    #[must_use]
    pub fn admits(&self, person: &Person) -> bool {
        match (person.side, self.between()) {
            (Side::Customer, _) => *self == Self::of_customer(person),
            (Side::Agent, Between::Pair(one, other)) => [one, other].contains(&person.email.as_str()),
            (Side::Agent, Between::Customer { .. } | Between::Staff) => true,
        }
    }

    /// Those who hear it without asking.
    #[must_use]
    pub fn parties(&self, org: &OrgId) -> Vec<Address> {
        match self.between() {
            Between::Customer { email, guest } => {
                vec![Address::of(org, Side::Customer, guest.unwrap_or(email))]
            }
            Between::Pair(one, other) => {
                [one, other].map(|email| Address::of(org, Side::Agent, email)).to_vec()
            }
            Between::Staff => Vec::new(),
        }
    }

    /// The name of the room of those who hear it.
    #[must_use]
    pub fn room(&self, org: &OrgId) -> RoomName {
        // An organisation's id has no colon.
        format!("chat:{org}:{self}")
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ChatId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ChatId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RecordId;

    fn person(side: Side, email: &str, guest: bool) -> Person {
        let id = RecordId::new("customer-7").unwrap();
        Person { side, id, email: email.into(), name: "Ann".into(), guest }
    }

    fn id(text: &str) -> ChatId {
        ChatId::new(text).unwrap()
    }

    #[test]
    fn every_spelling_is_read_as_one() {
        let table = [
            ("customer::Ann@X.io", "customer::ann@x.io"),
            ("customer:ann@x.io", "customer::ann@x.io"),
            ("customer:customer-7:ANN@x.io", "customer:customer-7:ann@x.io"),
            ("zoe@x.io|Ann@x.io", "ann@x.io|zoe@x.io"),
            (" team room ", "team room"),
            ("a|b", "a|b"),
        ];
        for (text, read) in table {
            assert_eq!(id(text).as_str(), read, "{text}");
            assert_eq!(id(read), id(text), "it reads itself");
        }
        for bad in ["", " ", "a\nb", &"x".repeat(257)] {
            assert!(ChatId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_customer_has_one_conversation_and_a_guest_another() {
        let (ann, guest) =
            (person(Side::Customer, "ann@x.io", false), person(Side::Customer, "ann@x.io", true));
        assert_eq!(ChatId::of_customer(&ann).as_str(), "customer::ann@x.io");
        assert_eq!(ChatId::of_customer(&guest).as_str(), "customer:customer-7:ann@x.io");
        assert!(id("customer:ann@x.io").admits(&ann) && !id("customer:ann@x.io").admits(&guest));
        for foreign in ["customer::bob@x.io", "ann@x.io|bob@x.io", "team"] {
            assert!(!id(foreign).admits(&ann), "{foreign}");
        }
    }

    #[test]
    fn two_of_the_staff_are_among_themselves() {
        let (ann, eve) = (person(Side::Agent, "ann@x.io", false), person(Side::Agent, "eve@x.io", false));
        let pair = ChatId::pair("Bob@x.io", "ann@x.io");
        assert!(pair.admits(&ann) && !pair.admits(&eve));
        assert!(id("customer::bob@x.io").admits(&eve) && id("team").admits(&eve));
        let org = OrgId::new("o").unwrap();
        assert_eq!(pair.parties(&org).len(), 2);
        assert_eq!(id("team").parties(&org), []);
    }
}
