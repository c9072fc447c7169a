//! Which conversation it is: a group by its id, or what two people have, by both of them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::who::Handle;
use crate::ids::{GroupId, OrgId};
use crate::session::hall::RoomName;

/// Whose conversation it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Between {
    /// The members of a group.
    Group(GroupId),
    /// Two people, sorted.
    Pair(Handle, Handle),
}

/// The id of a conversation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId {
    text: Arc<str>,
    between: Between,
}

impl ConversationId {
    /// A group's.
    #[must_use]
    pub fn group(id: GroupId) -> Self {
        Self { text: id.to_string().into(), between: Between::Group(id) }
    }

    /// What two people have.
    #[must_use]
    pub fn pair(one: &Handle, other: &Handle) -> Self {
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        let text = format!("{}|{}", escape(first.as_str()), escape(second.as_str()));
        Self { text: text.into(), between: Between::Pair(first.clone(), second.clone()) }
    }

    /// Reads what [`as_str`](Self::as_str) says.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(group) = text.parse() {
            return Some(Self::group(group));
        }
        let (one, other) = text.split_once('|')?;
        Some(Self::pair(&Handle::parse(&unescape(one))?, &Handle::parse(&unescape(other))?))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose it is.
    #[must_use]
    pub const fn between(&self) -> &Between {
        &self.between
    }

    /// The group, where it is one's.
    #[must_use]
    pub const fn as_group(&self) -> Option<GroupId> {
        match self.between {
            Between::Group(id) => Some(id),
            Between::Pair(..) => None,
        }
    }

    /// The other one of two people.
    #[must_use]
    pub fn peer_of(&self, who: &Handle) -> Option<&Handle> {
        match &self.between {
            Between::Pair(one, other) if one == who => Some(other),
            Between::Pair(one, other) if other == who => Some(one),
            _ => None,
        }
    }

    /// The letter of its sort, in keys.
    #[must_use]
    pub const fn sort(&self) -> u8 {
        match self.between {
            Between::Group(_) => b'g',
            Between::Pair(..) => b'd',
        }
    }

    /// The name of the room of those who hear it.
    #[must_use]
    pub fn room(&self, org: &OrgId) -> RoomName {
        // An organisation's id has no colon.
        format!("community:{org}:{self}")
    }

    /// The name of its actor: a place in the tree has no slash in it.
    pub(super) fn actor_name(&self, org: &OrgId) -> String {
        format!("{org}:{}", self.text.replace('~', "~0").replace('/', "~1"))
    }

    /// What [`actor_name`](Self::actor_name) says.
    pub(super) fn parse_actor_name(name: &str) -> Option<(OrgId, Self)> {
        let (org, text) = name.split_once(':')?;
        Some((OrgId::new(org).ok()?, Self::parse(&text.replace("~1", "/").replace("~0", "~"))?))
    }
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('|', "%7C")
}

fn unescape(text: &str) -> String {
    text.replace("%7C", "|").replace("%25", "%")
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for ConversationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ConversationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("expected a conversation's id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::session::person::Side;

    #[test]
    fn it_is_the_same_from_both_sides_and_reads_itself() {
        let org = OrgId::new("my-org").unwrap();
        let handle = |email| Handle::new(Side::Customer, email);
        for (one, other) in [("ann@x.io", "bob@x.io"), ("a|customer:b@x.io", "a%7C/~1~@x.io")] {
            let pair = ConversationId::pair(&handle(one), &handle(other));
            assert_eq!(pair, ConversationId::pair(&handle(other), &handle(one)));
            assert_eq!(ConversationId::parse(pair.as_str()), Some(pair.clone()));
            assert_eq!(pair.peer_of(&handle(one)), Some(&handle(other)));
            assert_eq!(pair.peer_of(&handle("eve@x.io")), None);
            let name = pair.actor_name(&org);
            assert!(!name.contains('/'), "{name}");
            assert_eq!(ConversationId::parse_actor_name(&name), Some((org.clone(), pair)));
        }
        let group = ConversationId::group(GroupId::new(Timestamp::from_millis(1)));
        assert_eq!(ConversationId::parse(group.as_str()), Some(group.clone()));
        assert_eq!(ConversationId::parse("team"), None);
        assert_eq!((group.sort(), group.peer_of(&handle("ann@x.io"))), (b'g', None));
    }
}
