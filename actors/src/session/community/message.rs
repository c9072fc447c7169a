//! One message of a community, as it is stored and as it is told (contract §6).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::id::{Between, ConversationId};
use super::who::Handle;
use crate::clock::Timestamp;
use crate::ids::MessageId;
use crate::session::person::Person;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentType {
    /// Words.
    #[default]
    Text,
    /// A picture.
    Image,
    /// A file.
    File,
    /// Something to be heard.
    Audio,
    /// An address to go to.
    Link,
    /// Somebody's card.
    Contact,
}

/// A file that was uploaded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// Where it is read.
    pub url: String,
    /// What it is.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// The message that another one answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// Its id.
    pub id: MessageId,
    /// Its number.
    pub seq: u64,
}

/// What somebody feels about a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// Which feeling.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose.
    pub by: Handle,
}

/// That a message is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Since when.
    pub at: Timestamp,
    /// Who took it away.
    pub by: String,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its number there.
    pub seq: u64,
    /// How many messages there were with it: what is unread is counted by that.
    pub count: u64,
    /// Whose it is.
    pub from: Person,
    /// To whom, where that is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Person>,
    /// What it says.
    pub content: String,
    /// What that is.
    pub content_type: ContentType,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// Addresses of those whom it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// What its sender calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// When it was taken.
    pub sent: Timestamp,
    /// When it was last changed by its sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Timestamp>,
    /// That it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Deleted>,
    /// What others feel about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
}

impl Message {
    /// The message with nothing left in it.
    #[must_use]
    pub fn emptied(&self, by: &Person, at: Timestamp) -> Self {
        let deleted = Some(Deleted { at, by: by.email.clone() });
        let (attachments, mentions, reactions) = (Vec::new(), Vec::new(), Vec::new());
        Self { content: String::new(), attachments, mentions, reactions, deleted, ..self.clone() }
    }

    /// As those who hear it are told.
    #[must_use]
    pub fn told(&self) -> Value {
        let mut told = self.in_event();
        if let Some(fields) = told.as_object_mut() {
            fields.insert("reactions".to_owned(), self.feelings());
        }
        told
    }

    /// As events tell of it.
    #[must_use]
    pub fn in_event(&self) -> Value {
        let status = if self.deleted.is_some() { "deleted" } else { "sent" };
        let mut told = json!({
            "id": self.id, "sk": self.id, "messageId": self.id, "conversationId": self.conversation,
            "thread": self.conversation, "seq": self.seq, "from": self.from.email, "sender": self.from.email,
            "senderId": self.from.id, "senderName": self.from.name, "senderRole": self.from.side.name(),
            "content": self.content, "contentType": self.content_type, "attachments": self.attachments,
            "mentions": self.mentions, "status": status, "sentAt": self.sent, "createdate": self.sent,
            "sentTime": self.sent.as_millis(),
        });
        let Some(fields) = told.as_object_mut() else { return told };
        match (self.conversation.between(), &self.to) {
            (Between::Group(id), _) => set(fields, "groupId", Some(id)),
            (_, to) => {
                let to = to.as_ref();
                set(fields, "to", to.map(|to| &to.email));
                set(fields, "recipient", to.map(|to| &to.email));
                set(fields, "recipientId", to.map(|to| &to.id));
            }
        }
        set(fields, "replyTo", self.reply_to.map(|reply| reply.id));
        set(fields, "clientId", self.client_id.as_ref());
        set(fields, "editedAt", self.edited);
        set(fields, "deletedAt", self.deleted.as_ref().map(|deleted| deleted.at));
        set(fields, "deletedBy", self.deleted.as_ref().map(|deleted| &deleted.by));
        told
    }

    /// What others feel about it: each sort with all who do.
    #[must_use]
    pub fn feelings(&self) -> Value {
        let mut sorts: Vec<(&str, Vec<&str>)> = Vec::new();
        for Reaction { kind, by } in &self.reactions {
            match sorts.iter_mut().find(|(known, _)| known == kind) {
                Some((_, people)) => people.push(by.email()),
                None => sorts.push((kind, vec![by.email()])),
            }
        }
        sorts.into_iter().map(|(kind, by)| json!({"type": kind, "count": by.len(), "by": by})).collect()
    }
}

fn set<T: Serialize>(fields: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), json!(value));
    }
}
