//! One message of a conversation, as it is stored and as it is told (contract §5.4).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::id::ChatId;
use crate::clock::Timestamp;
use crate::ids::{MessageId, OrgId};
use crate::ports::FileLinks;
use crate::session::person::{Person, Side};

/// Bytes of a message's content as JSON.
pub const MOST_CONTENT: usize = 32 * 1024;
/// Files of one message.
pub const MOST_FILES: usize = 20;
/// Characters of each text that says what a file is, and where.
pub const MOST_FILE_TEXT: usize = 2_048;
/// Characters of what a client calls its own message.
pub const MOST_CLIENT_ID: usize = 128;

/// Who says it, in kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A person.
    User,
    /// The server.
    System,
    /// An assistant.
    AiAssistant,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// It is on the disk, and told.
    Sent,
    /// A client of the other side has it.
    Delivered,
    /// Somebody of the other side has read it.
    Read,
}

/// A file that was uploaded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileRef {
    /// Its name.
    pub name: String,
    /// Where it is read.
    #[serde(default)]
    pub url: Option<String>,
    /// Where it is kept.
    #[serde(default)]
    pub path: Option<String>,
    /// What it is.
    #[serde(default)]
    pub mime_type: Option<String>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub chat_id: ChatId,
    /// Its number there: 1 and up, without a gap.
    pub seq: u64,
    /// Whose it is.
    pub from: String,
    /// The name of whoever that is, to be shown.
    pub from_name: String,
    /// To whom in particular, where its sender said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What it says: a text, `{text}`, or what a rich editor makes (`{ops}`).
    pub content: Value,
    /// Who says it, in kind.
    pub kind: MessageKind,
    /// On which side they are; none for what the server says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// When it was taken.
    pub sent: Timestamp,
    /// When it was said, where that was elsewhere and earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Timestamp>,
    /// When its content was changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Timestamp>,
    /// How far it has come.
    pub status: MessageStatus,
    /// When it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Timestamp>,
    /// When it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Timestamp>,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileRef>,
    /// The configuration of the widget that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_id: Option<String>,
    /// What its sender calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Why the conversation ends with it, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<String>,
    /// Who ended it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

/// A message that is about to be said.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageDraft {
    /// Its id, made by whoever asks, so that asking twice says it once.
    pub id: MessageId,
    /// Who says it; the server where that is nobody.
    pub from: Option<Person>,
    /// Who says it, in kind.
    pub kind: MessageKind,
    /// To whom in particular.
    pub to: Option<String>,
    /// What it says.
    pub content: Value,
    /// Its files.
    pub files: Vec<FileRef>,
    /// The configuration of the widget that it comes by.
    pub config_id: Option<String>,
    /// What its sender calls it: the same again is the same message.
    pub client_id: Option<String>,
    /// Why the conversation ends with it, if it does.
    pub ends: Option<String>,
    /// Who ends it then.
    pub ended_by: Option<String>,
    /// Who is sent what was said in it then.
    pub transcript: Option<String>,
    /// The assistant that is to answer it, where nobody answers yet.
    pub assistant: Option<String>,
    /// Whether somebody is to answer it, if nobody answers in the conversation yet.
    pub asks: bool,
    /// When it was said, where that was elsewhere and earlier.
    pub said: Option<Timestamp>,
    /// What the assistant is called that says it, where one does.
    pub title: Option<String>,
}

impl MessageDraft {
    /// Something that the server says.
    #[must_use]
    pub const fn of_server(id: MessageId, content: Value) -> Self {
        Self {
            id,
            from: None,
            kind: MessageKind::System,
            to: None,
            content,
            files: Vec::new(),
            config_id: None,
            client_id: None,
            ends: None,
            ended_by: None,
            transcript: None,
            assistant: None,
            asks: false,
            said: None,
            title: None,
        }
    }

    /// Something that an assistant says.
    #[must_use]
    pub fn of_assistant(id: MessageId, title: &str, text: String) -> Self {
        let title = Some(title.to_owned()).filter(|title| !title.is_empty());
        Self { kind: MessageKind::AiAssistant, title, ..Self::of_server(id, Value::from(text)) }
    }

    /// Bytes that it takes while it waits, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let content = match &self.content {
            Value::String(text) => text.len(),
            other => serde_json::to_vec(other).map_or(0, |text| text.len()),
        };
        // What files are called is bounded; the rest is short.
        content + 512 + self.files.len() * 512
    }

    /// The message with this number.
    #[must_use]
    pub fn into_message(self, chat_id: ChatId, seq: u64, now: Timestamp) -> Message {
        let server = server(self.kind);
        let from = self.from.as_ref().map_or(server, |person| &person.email).to_owned();
        let from_name = self.from.as_ref().map(|person| person.name.clone());
        let from_name = from_name.or(self.title).unwrap_or_else(|| server.to_owned());
        Message {
            id: self.id,
            chat_id,
            seq,
            from,
            from_name,
            to: self.to,
            content: self.content,
            kind: self.kind,
            side: self.from.map(|person| person.side),
            sent: now,
            said: self.said,
            edited: None,
            status: MessageStatus::Sent,
            delivered: None,
            read: None,
            files: self.files,
            config_id: self.config_id,
            client_id: self.client_id,
            ends: self.ends,
            ended_by: self.ended_by,
        }
    }
}

/// Who says what is no person's.
pub(super) const fn server(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::AiAssistant => "ai-assistant",
        MessageKind::User | MessageKind::System => "system",
    }
}

impl Message {
    /// As the event `message` has it: flat, and the same nested in `data`, since clients read either.
    #[must_use]
    pub fn told(&self) -> Value {
        let mut told = self.flat(true);
        let nested = told.clone();
        if let Some(fields) = told.as_object_mut() {
            fields.insert("data".to_owned(), nested);
        }
        told
    }

    /// As a history has it: flat, without its files.
    #[must_use]
    pub fn in_history(&self) -> Value {
        self.flat(false)
    }

    /// As events tell of it.
    #[must_use]
    pub fn in_event(&self) -> Value {
        self.flat(true)
    }

    fn flat(&self, with_files: bool) -> Value {
        let role = self.side.map_or("system", Side::name);
        let mut flat = json!({
            "sk": self.id, "id": self.id, "messageId": self.id, "chatId": self.chat_id, "seq": self.seq,
            "from": self.from, "fromName": self.from_name, "to": self.to, "content": self.content,
            "message": self.content, "type": self.kind, "status": self.status, "senderRole": role,
            "sentTime": self.said.unwrap_or(self.sent).as_millis(), "timestamp": self.sent, "createdate": self.sent,
        });
        let Some(fields) = flat.as_object_mut() else { return flat };
        let times = [("deliveredTime", self.delivered), ("readTime", self.read), ("editedTime", self.edited)];
        fields.extend(
            times.into_iter().filter_map(|(name, at)| Some((name.to_owned(), json!(at?.as_millis())))),
        );
        let texts = [("configId", &self.config_id), ("clientId", &self.client_id)];
        let texts =
            texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?))));
        fields.extend(texts);
        if with_files {
            fields.insert("files".to_owned(), json!(self.files));
        }
        flat
    }

    /// The message with addresses at which its files can be read now.
    #[must_use]
    pub fn readable(&self, org: &OrgId, links: &dyn FileLinks) -> Cow<'_, Self> {
        if self.files.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut readable = self.clone();
        for file in &mut readable.files {
            if let Some(url) = file.path.as_deref().and_then(|path| links.sign(org, path)) {
                file.url = Some(url);
            }
        }
        Cow::Owned(readable)
    }

    /// The message with another content.
    #[must_use]
    pub fn reworded(&self, content: Value, now: Timestamp) -> Self {
        Self { content, edited: Some(now), ..self.clone() }
    }

    /// The message once somebody has it, or has read it; none where that is known.
    #[must_use]
    pub fn marked(&self, status: MessageStatus, now: Timestamp) -> Option<Self> {
        if status <= self.status {
            return None;
        }
        let delivered = self.delivered.or(Some(now));
        let read = (status == MessageStatus::Read).then_some(now);
        Some(Self { status, delivered, read, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RecordId;

    fn message() -> Message {
        let person = Person {
            side: Side::Customer,
            id: RecordId::new("customer-1").unwrap(),
            email: "ann@x.io".into(),
            name: "Ann".into(),
            guest: false,
        };
        let draft = MessageDraft {
            kind: MessageKind::User,
            files: vec![FileRef { name: "a.png".into(), url: None, path: None, mime_type: None }],
            config_id: Some("cfg".into()),
            from: Some(person.clone()),
            ..MessageDraft::of_server(MessageId::new(Timestamp::from_millis(1)), json!("hi"))
        };
        draft.into_message(ChatId::of_customer(&person), 3, Timestamp::from_millis(1_000))
    }

    #[test]
    fn it_is_told_flat_and_nested_and_kept_in_history_without_files() {
        let told = message().told();
        for at in ["", "/data"] {
            let has = |name: &str| told.pointer(&format!("{at}/{name}")).cloned().unwrap_or_default();
            assert_eq!((has("content"), has("message"), has("seq")), (json!("hi"), json!("hi"), json!(3)));
            assert_eq!(
                (has("type"), has("senderRole"), has("status")),
                (json!("user"), json!("customer"), json!("sent"))
            );
            assert_eq!(
                (has("sentTime"), has("timestamp")),
                (json!(1_000), json!("1970-01-01T00:00:01.000Z"))
            );
            assert_eq!(has("files/0/name"), json!("a.png"));
        }
        let kept = message().in_history();
        assert!(kept.get("files").is_none() && kept.get("data").is_none());
        assert_eq!(kept.get("chatId"), Some(&json!("customer::ann@x.io")));
    }

    #[test]
    fn it_comes_further_and_never_back() {
        let (sent, now) = (message(), Timestamp::from_millis(5_000));
        let read = sent.marked(MessageStatus::Read, now).unwrap();
        assert_eq!((read.status, read.delivered, read.read), (MessageStatus::Read, Some(now), Some(now)));
        assert_eq!(read.marked(MessageStatus::Delivered, now), None);
        let delivered = sent.marked(MessageStatus::Delivered, now).unwrap();
        assert_eq!((delivered.status, delivered.read), (MessageStatus::Delivered, None));
        assert_eq!(sent.marked(MessageStatus::Sent, now), None);
    }
}
