//! A group and who is in it, as they are stored and told (contract §6).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::who::{self, Handle};
use crate::clock::Timestamp;
use crate::ids::GroupId;
use crate::session::person::Person;

/// Members that a group has at most, whatever it says itself.
pub const MOST_MEMBERS: u32 = 1_000;
/// The same where it says nothing.
pub const USUAL_MEMBERS: u32 = 250;

/// Who may find a group and come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Openness {
    /// Everybody.
    Public,
    /// Whoever is let in by one of its admins.
    #[default]
    Private,
}

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupStatus {
    /// It goes on.
    Active,
    /// It may be read.
    Archived,
}

/// What somebody is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Takes part.
    #[default]
    Member,
    /// Says who takes part, and how.
    Admin,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who may come in.
    #[serde(rename = "type")]
    pub openness: Openness,
    /// The page that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Whether its admins alone write.
    pub only_admins_post: bool,
    /// Members that it takes.
    pub max_members: u32,
    /// Where it stands.
    pub status: GroupStatus,
    /// Who made it.
    pub creator: Person,
    /// When.
    pub created: Timestamp,
    /// When its settings changed last.
    pub updated: Timestamp,
    /// Those who went and do not come back as if nothing had been, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Gone>,
}

/// Somebody who went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// Who.
    pub who: Handle,
    /// Whether an admin wanted that: it takes one to have them back.
    pub removed: bool,
    /// That they may not write, when they are back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Muted>,
}

/// Those who went of whom a group knows that at most; it forgets the eldest.
const MOST_GONE: usize = 200;

/// Settings of a group, those that are given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who may come in.
    pub openness: Option<Openness>,
    /// The page that it belongs to.
    pub page: Option<String>,
    /// Whether its admins alone write.
    pub only_admins_post: Option<bool>,
    /// Members that it takes.
    pub max_members: Option<u32>,
    /// Where it stands.
    pub status: Option<GroupStatus>,
}

/// That somebody may not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muted {
    /// Until then; none for as long as nobody takes it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Somebody in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Who.
    pub person: Person,
    /// What they are there.
    pub role: Role,
    /// That they may not write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<Muted>,
    /// Since when.
    pub joined: Timestamp,
}

impl Group {
    /// The group with these settings, and the names of those that are new.
    #[must_use]
    pub fn changed(&self, by: &Settings, now: Timestamp) -> (Self, Vec<String>) {
        let mut next = self.clone();
        let mut changed = Vec::new();
        let mut put = |name: &str, is_new: bool| changed.extend(is_new.then(|| name.to_owned()));
        put("name", replace(&mut next.name, by.name.as_ref()));
        put("description", replace(&mut next.description, by.description.as_ref()));
        put("type", replace(&mut next.openness, by.openness.as_ref()));
        put("page", replace(&mut next.page, by.page.clone().map(Some).as_ref()));
        put("onlyAdminsPost", replace(&mut next.only_admins_post, by.only_admins_post.as_ref()));
        put("maxMembers", replace(&mut next.max_members, by.max_members.as_ref()));
        put("status", replace(&mut next.status, by.status.as_ref()));
        if !changed.is_empty() {
            next.updated = now;
        }
        (next, changed)
    }

    /// Somebody goes.
    pub(super) fn goes(&mut self, who: Handle, removed: bool, muted: Option<Muted>) {
        self.gone.retain(|gone| gone.who != who);
        if removed || muted.is_some() {
            self.gone.push(Gone { who, removed, muted });
            let more = self.gone.len().saturating_sub(MOST_GONE);
            self.gone.drain(..more);
        }
    }

    /// Whether an admin wanted somebody out.
    #[must_use]
    pub fn keeps_out(&self, who: &Handle) -> bool {
        self.gone.iter().any(|gone| gone.who == *who && gone.removed)
    }

    /// Somebody is back: what they still may not.
    pub(super) fn comes(&mut self, who: &Handle) -> Option<Muted> {
        let at = self.gone.iter().position(|gone| gone.who == *who)?;
        self.gone.remove(at).muted
    }

    /// As those who may know of it are told.
    #[must_use]
    pub fn told(&self, members: usize) -> Value {
        json!({
            "id": self.id, "sk": self.id, "groupId": self.id, "name": self.name, "title": self.name,
            "description": self.description, "type": self.openness, "page": self.page,
            "onlyAdminsPost": self.only_admins_post, "maxMembers": self.max_members, "status": self.status,
            "creator": self.creator.email, "memberCount": members, "createdate": self.created,
            "modifydate": self.updated,
        })
    }
}

fn replace<T: PartialEq + Clone>(place: &mut T, with: Option<&T>) -> bool {
    let Some(with) = with.filter(|with| *with != place) else { return false };
    place.clone_from(with);
    true
}

impl Member {
    /// Somebody who comes in.
    #[must_use]
    pub const fn new(person: Person, role: Role, now: Timestamp) -> Self {
        Self { person, role, muted: None, joined: now }
    }

    /// Whether they may not write now.
    #[must_use]
    pub fn is_muted(&self, now: Timestamp) -> bool {
        self.muted.is_some_and(|muted| muted.until.is_none_or(|until| now < until))
    }

    /// As others see them.
    #[must_use]
    pub fn told(&self, now: Timestamp) -> Value {
        let mut told = who::told(&self.person);
        if let Some(fields) = told.as_object_mut() {
            // What they are in the group is their role there; the side is told beside it.
            fields.insert("role".to_owned(), json!(self.role));
            fields.insert("senderRole".to_owned(), json!(self.person.side.name()));
            fields.insert("muted".to_owned(), json!(self.is_muted(now)));
            fields.insert("mutedUntil".to_owned(), json!(self.muted.and_then(|muted| muted.until)));
            fields.insert("joinedAt".to_owned(), json!(self.joined));
        }
        told
    }
}
