//! A conversation as it is stored, and who is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::group::{Group, GroupStatus, Member, Role};
use super::id::ConversationId;
use super::who::Handle;
use super::wish::Refusal;
use crate::clock::Timestamp;
use crate::ids::OrgId;
use crate::session::person::Address;

/// What is stored of a conversation beside its members, and what happened in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its id.
    pub id: ConversationId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The number of what happened last.
    pub last: u64,
    /// How many messages there are.
    pub messages: u64,
    /// The number of the latest of them; 0 where there is none.
    pub last_message: u64,
    /// When something was last said; when it began, where nothing was.
    pub spoken: Timestamp,
    /// The group, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// How many take part.
    pub members: u32,
}

/// What of a conversation is no longer kept: its oldest messages. Written by whoever removes them, so that it stands
/// beside the [`Head`], which is the conversation's own to write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trim {
    /// The number of the latest message that is gone; 0 where none is.
    pub seq: u64,
    /// How many messages are gone.
    pub messages: u64,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// What is stored of it by itself.
    pub head: Head,
    /// Who takes part.
    pub members: Arc<BTreeMap<Handle, Member>>,
}

impl Conversation {
    /// One that begins.
    #[must_use]
    pub fn new(id: ConversationId, org_id: OrgId, group: Option<Group>, now: Timestamp) -> Self {
        let (last, messages, last_message, members) = (0, 0, 0, 0);
        let head = Head { id, org_id, last, messages, last_message, spoken: now, group, members };
        Self { head, members: Arc::default() }
    }

    /// Those who hear it.
    #[must_use]
    pub fn hearers(&self) -> Vec<Address> {
        self.members.keys().map(|member| member.address(&self.head.org_id)).collect()
    }

    /// Somebody who takes part.
    ///
    /// # Errors
    /// When they do not.
    pub fn member(&self, who: &Handle) -> Result<&Member, Refusal> {
        self.members.get(who).ok_or(Refusal::NotMember)
    }

    /// Whether somebody says who takes part, and how.
    #[must_use]
    pub fn is_admin(&self, who: &Handle) -> bool {
        self.members.get(who).is_some_and(|member| member.role == Role::Admin)
    }

    /// How many do.
    #[must_use]
    pub fn admins(&self) -> usize {
        self.members.values().filter(|member| member.role == Role::Admin).count()
    }

    /// Whether it may only be read.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.head.group.as_ref().is_some_and(|group| group.status == GroupStatus::Archived)
    }

    /// The group, as those who may know of it are told.
    #[must_use]
    pub fn group_told(&self) -> Option<Value> {
        let mut told = self.head.group.as_ref()?.told(self.members.len());
        if let Some(fields) = told.as_object_mut() {
            fields.insert("seq".to_owned(), json!(self.head.last));
        }
        Some(told)
    }

    /// The same with everybody who is in it.
    #[must_use]
    pub fn told_with_members(&self, now: Timestamp) -> Option<Value> {
        let mut told = self.group_told()?;
        if let Some(fields) = told.as_object_mut() {
            let of = |role: Option<Role>| {
                let some = self.members.values().filter(move |m| role.is_none_or(|role| m.role == role));
                some.map(|member| member.person.email.as_str()).collect::<Vec<_>>()
            };
            let members: Vec<Value> = self.members.values().map(|member| member.told(now)).collect();
            let users: Vec<&str> = self.members.values().map(|member| member.person.id.as_str()).collect();
            fields.insert("admins".to_owned(), json!(of(Some(Role::Admin))));
            fields.insert("emails".to_owned(), json!(of(None)));
            fields.insert("users".to_owned(), json!(users));
            fields.insert("members".to_owned(), json!(members));
        }
        Some(told)
    }
}
