//! Who somebody is in a community: one of their side with their address. Two people of two sides may have the same
//! address, and are not the same.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::ids::OrgId;
use crate::session::person::{Address, Person, Side};

/// Somebody's name within an organisation: `customer:ann@example.com`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(Arc<str>);

impl Handle {
    /// That of somebody of a side.
    #[must_use]
    pub fn new(side: Side, email: &str) -> Self {
        Self(format!("{}:{}", side.name(), email.trim().to_lowercase()).into())
    }

    /// That of a person with an account.
    #[must_use]
    pub fn of(person: &Person) -> Self {
        Self::new(person.side, &person.email)
    }

    /// Reads `customer:{address}` or `agent:{address}`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (side, email) = text.split_once(':')?;
        let side = [Side::Customer, Side::Agent].into_iter().find(|known| known.name() == side)?;
        email.contains('@').then(|| Self::new(side, email))
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address alone.
    #[must_use]
    pub fn email(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, email)| email)
    }

    /// The side.
    #[must_use]
    pub fn side(&self) -> Side {
        if self.0.starts_with("agent:") { Side::Agent } else { Side::Customer }
    }

    /// Where their clients in the community are reached: others than those in conversations with the staff.
    #[must_use]
    pub fn address(&self, org: &OrgId) -> Address {
        Address::of_member(org, &self.0)
    }
}

/// Somebody as others see them.
#[must_use]
pub fn told(person: &Person) -> Value {
    json!({"email": person.email, "name": person.name, "role": person.side.name(), "id": person.id})
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Handle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a side and an address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_reads_itself_and_tells_the_sides_apart() {
        let (ann, staff) = (Handle::new(Side::Customer, " Ann@X.io"), Handle::new(Side::Agent, "ann@x.io"));
        assert_eq!(
            (ann.as_str(), ann.email(), ann.side()),
            ("customer:ann@x.io", "ann@x.io", Side::Customer)
        );
        assert_ne!(ann, staff);
        for handle in [ann, staff] {
            assert_eq!(Handle::parse(handle.as_str()), Some(handle));
        }
        for bad in ["ann@x.io", "guest:ann@x.io", "customer:", "agent:ann"] {
            assert_eq!(Handle::parse(bad), None, "{bad}");
        }
        let org = OrgId::new("o").unwrap();
        let here = Handle::new(Side::Agent, "ann@x.io").address(&org);
        assert_ne!(here, Address::of(&org, Side::Agent, "ann@x.io"), "another place than on /chat");
    }
}
