//! Who takes part in sessions.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{OrgId, RecordId};

/// On which side of a conversation somebody is: by their token, never by what they say (contract §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Somebody who is served.
    Customer,
    /// Somebody of the staff.
    Agent,
}

impl Side {
    /// As the wire says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
        }
    }
}

/// A person, as their token says who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// Their side.
    pub side: Side,
    /// Their record.
    pub id: RecordId,
    /// Their address, in lower case. A guest's is what they said, and belongs to somebody else perhaps.
    pub email: String,
    /// The name to show.
    pub name: String,
    /// A customer without an account.
    #[serde(default)]
    pub guest: bool,
}

impl Person {
    /// Where they are reached.
    #[must_use]
    pub fn address(&self, org: &OrgId) -> Address {
        // Nobody hears what is meant for the owner of an address by saying that it is theirs.
        let name = if self.guest { self.id.as_str() } else { &self.email };
        Address::of(org, self.side, name)
    }
}

/// Where all clients of one person are reached (contract §5.1: `identity:{orgId}:{role}:{email}`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address(Arc<str>);

impl Address {
    /// The address of somebody on a side, by their e-mail address, or by the id of a guest's record.
    #[must_use]
    pub fn of(org: &OrgId, side: Side, name: &str) -> Self {
        // An organisation's id has no colon.
        Self(format!("{org}:{}:{name}", side.name()).into())
    }

    /// The address of somebody in a community, by their side and e-mail address there.
    #[must_use]
    pub fn of_member(org: &OrgId, name: &str) -> Self {
        // No side is called that.
        Self(format!("{org}:community:{name}").into())
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_not_reached_where_the_owner_of_the_address_is() {
        let org = OrgId::new("o").unwrap();
        let ann = Person {
            side: Side::Customer,
            id: RecordId::new("customer-1").unwrap(),
            email: "ann@x.io".into(),
            name: "Ann".into(),
            guest: false,
        };
        let guest = Person { guest: true, ..ann.clone() };
        let agent = Person { side: Side::Agent, ..ann.clone() };
        assert_eq!(ann.address(&org).as_str(), "o:customer:ann@x.io");
        assert_eq!(guest.address(&org).as_str(), "o:customer:customer-1");
        assert_eq!(agent.address(&org).as_str(), "o:agent:ann@x.io");
    }
}
