//! What crosses a community's sockets, both ways, as types (contract §6).

use appengine_actors::ids::{GroupId, MessageId};
use appengine_actors::session::community::ConversationId;
use appengine_actors::session::community::message::{Attachment, ContentType};
use appengine_actors::session::community::wish::Word;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// `join-group`: be in a group, and hear what was missed since a number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinGroup {
    #[schema(value_type = String)]
    pub group_id: GroupId,
    pub last_seq: Option<u64>,
}

/// `leave-group`: be in it no more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeaveGroup {
    #[schema(value_type = String)]
    pub group_id: GroupId,
}

/// Which conversation is meant: a group, or that with somebody.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Where {
    #[schema(value_type = Option<String>)]
    pub group_id: Option<GroupId>,
    #[serde(alias = "peer")]
    pub to: Option<String>,
}

/// `sendMessage`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CommunitySendMessage)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendMessage {
    #[serde(flatten)]
    pub place: Where,
    #[serde(default)]
    pub content: String,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub content_type: ContentType,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub attachments: Vec<Attachment>,
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<MessageId>,
    #[serde(default)]
    pub mentions: Vec<String>,
    pub client_id: Option<String>,
}

impl SendMessage {
    /// Where it is to be said, and what.
    pub fn split(self) -> (Where, Word) {
        let Self { place, content, content_type, attachments, reply_to, mentions, client_id } = self;
        (place, Word { content, content_type, attachments, reply_to, mentions, client_id })
    }
}

/// `typing`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypingHint {
    #[serde(flatten)]
    pub place: Where,
    pub is_typing: bool,
}

/// `markRead`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MarkRead {
    #[serde(flatten)]
    pub place: Where,
    #[schema(value_type = Option<Vec<String>>)]
    pub message_ids: Option<Vec<MessageId>>,
}

/// `react`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct React {
    #[schema(value_type = String)]
    pub message_id: MessageId,
    #[serde(rename = "type")]
    pub kind: String,
}

/// `editMessage`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EditMessage {
    #[schema(value_type = String)]
    pub message_id: MessageId,
    pub content: String,
}

/// `deleteMessage`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteMessage {
    #[schema(value_type = String)]
    pub message_id: MessageId,
}

/// `history`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AskHistory {
    #[serde(flatten)]
    pub place: Where,
    pub before: Option<u64>,
    pub after: Option<u64>,
    pub limit: Option<usize>,
    #[schema(value_type = Option<String>)]
    pub reply_to: Option<MessageId>,
}

/// `presence`: who of these is here, now and from now on.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct AskPresence {
    pub emails: Vec<String>,
}

/// The acknowledgement of what was done.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub message_id: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub group_id: Option<GroupId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reactions: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence: Option<Vec<Value>>,
}

/// The acknowledgement of `history`, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryTold {
    pub success: bool,
    #[schema(value_type = String)]
    pub conversation_id: ConversationId,
    pub messages: Vec<Value>,
    pub has_more: bool,
    pub next: Option<u64>,
    pub reads: Vec<Value>,
    pub seq: u64,
    /// Whether there were more, which are no longer kept.
    pub gap: bool,
}

/// `replayed`, once a client has been sent what it had missed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CommunityReplayed)]
#[serde(rename_all = "camelCase")]
pub(super) struct Replayed<'a> {
    #[schema(value_type = String)]
    pub chat_id: &'a ConversationId,
    #[schema(value_type = String)]
    pub conversation_id: &'a ConversationId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub group_id: Option<GroupId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<&'a str>,
    pub from: u64,
    pub to: u64,
    pub count: u64,
    pub gap: bool,
}
