//! What happened in a conversation, each with its number: what is told as it happens, and again to those who missed it.

use serde::{Deserialize, Serialize};

use super::group::{Group, Member, Muted, Role};
use super::message::Message;
use crate::clock::Timestamp;
use crate::ids::MessageId;
use crate::session::line::Numbered;
use crate::session::person::Person;

/// What happened. What a message says is in the message alone, so that nothing is left of it once it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase")]
pub enum Deed {
    /// The group was made.
    Founded,
    /// Something was said: the message has this number.
    Said,
    /// A message says something else.
    Edited {
        /// Its number.
        of: u64,
    },
    /// A message went.
    Deleted {
        /// Its number.
        of: u64,
    },
    /// A feeling about a message is there, or no longer.
    Reacted {
        /// Its number.
        of: u64,
        /// Which feeling.
        kind: String,
        /// Whether it is there.
        added: bool,
    },
    /// Somebody came in.
    Joined {
        /// Who.
        member: Member,
    },
    /// Somebody went.
    Left {
        /// Who.
        member: Person,
        /// Whether somebody else wanted that.
        removed: bool,
    },
    /// Somebody may not write, or may again.
    Muted {
        /// Who.
        member: Person,
        /// Since they may not.
        muted: Option<Muted>,
    },
    /// Somebody is something else.
    Promoted {
        /// Who.
        member: Person,
        /// What.
        role: Role,
    },
    /// The settings are others.
    Updated {
        /// Which.
        changed: Vec<String>,
    },
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The id of whoever's wish it was.
    pub id: MessageId,
    /// Its number: 1 and up, without a gap.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub by: Person,
    /// What.
    pub deed: Deed,
}

impl Entry {
    /// The number of the message that it is about.
    #[must_use]
    pub const fn message(&self) -> Option<u64> {
        match &self.deed {
            Deed::Said => Some(self.seq),
            Deed::Edited { of } | Deed::Deleted { of } | Deed::Reacted { of, .. } => Some(*of),
            _ => None,
        }
    }
}

/// Something that happened, with what it takes to tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub entry: Entry,
    /// The message that it is about, as it is now.
    pub message: Option<Message>,
    /// The group and how many are in it, where that is what it is about.
    pub group: Option<(Group, usize)>,
}

impl Numbered for Happened {
    fn seq(&self) -> u64 {
        self.entry.seq
    }

    fn at(&self) -> Timestamp {
        self.entry.at
    }
}
