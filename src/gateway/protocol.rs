//! What crosses the socket, both ways, as types (contract §5.1, §5.3, §5.4, §14 "Sockets").
//! Loose JSON ends here: past this file there are only these values.

pub(super) mod desk;
pub(super) mod told;

use std::collections::BTreeMap;

use appengine_actors::ids::MessageId;
use appengine_actors::session::chat::ChatId;
use appengine_actors::session::chat::message::{FileRef, MessageStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use self::told::{FileShape, MessageStatusShape};
use super::admission::{Identity, Refusal};

/// Names of the events that the server sends.
pub(super) mod event {
    pub const AUTHENTICATE: &str = "authenticate";
    pub const TOKEN_EXPIRED: &str = "token_expired";
    pub const ENGAGE: &str = "engage";
    pub const REPLAYED: &str = "replayed";
    pub const STATUS: &str = "status";
    pub const ERROR: &str = "error";
}

/// The payload of an event that carries none. A unit would arrive as `null`.
pub(super) const NOTHING: [(); 0] = [];

/// The `auth` object of a handshake. Keys that are not listed are ignored: clients send more than is documented.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HandshakeAuth {
    pub token: Option<String>,
    pub org_id: Option<String>,
    pub broadcast_only: Option<bool>,
    pub config_id: Option<String>,
    pub device_id: Option<String>,
    pub app_id: Option<String>,
    pub context: Option<HandshakeContext>,
    pub cursors: Option<BTreeMap<String, u64>>,
}

/// `auth.context`; some clients repeat the ids here.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HandshakeContext {
    pub config_id: Option<String>,
    pub device_id: Option<String>,
    pub app_id: Option<String>,
    pub current_url: Option<String>,
    pub language: Option<String>,
    pub chat_session_id: Option<String>,
    pub last_seq: Option<u64>,
    pub cursors: Option<BTreeMap<String, u64>>,
}

/// `chat-message`, of a customer to the staff, or of anybody into a conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatMessage {
    pub message: Option<Value>,
    /// The same, as others call it.
    pub content: Option<Value>,
    pub chat_id: Option<String>,
    #[serde(default)]
    #[schema(value_type = Vec<FileShape>)]
    pub files: Vec<FileRef>,
    pub client_id: Option<String>,
    /// The assistant that is to answer, by its id or name, where nobody answers yet.
    pub assistant_id: Option<String>,
}

/// `sendMessage`, of an agent to a customer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendMessage {
    pub to: Option<String>,
    pub chat_id: Option<String>,
    pub content: Option<Value>,
    /// The same, as others call it.
    pub message: Option<Value>,
    #[serde(default)]
    #[schema(value_type = Vec<FileShape>)]
    pub files: Vec<FileRef>,
    pub client_id: Option<String>,
}

/// `join-chat`: hear a conversation, and what was missed since a number.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JoinChat {
    pub chat_id: String,
    pub last_seq: Option<u64>,
}

/// `leave-chat`: hear it no more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeaveChat {
    pub chat_id: String,
}

/// `chat-history`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatHistory {
    pub chat_id: Option<String>,
    /// Messages before this number.
    pub before: Option<u64>,
    pub limit: Option<usize>,
}

/// `shareStatus`: somebody types, or has stopped.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShareStatus {
    pub chat_id: Option<String>,
    pub to: Option<String>,
    pub status: Typing,
    pub sent_time: Option<u64>,
}

/// What somebody does at the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Typing {
    /// They write.
    Typing,
    /// They do not.
    Idle,
}

/// `status`, to the others in a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StatusRelay<'a> {
    pub from: &'a str,
    pub to: Option<&'a str>,
    #[schema(value_type = String)]
    pub chat_id: &'a ChatId,
    pub status: Typing,
    #[serde(rename = "type")]
    pub kind: Typing,
    pub sent_time: u64,
}

/// `updateMessageStatus`: a message was received, or read.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct UpdateMessageStatus {
    #[serde(alias = "messageId")]
    #[schema(value_type = String)]
    pub uid: MessageId,
    #[schema(value_type = MessageStatusShape)]
    pub status: MessageStatus,
}

/// `close-chat`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CloseChat {
    pub chat_id: Option<String>,
    pub reason: Option<String>,
    pub send_transcript: Option<bool>,
    pub transcript_email: Option<String>,
}

/// The acknowledgement of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageTaken {
    pub success: bool,
    #[schema(value_type = String)]
    pub message_id: MessageId,
    #[schema(value_type = String)]
    pub chat_id: ChatId,
    pub seq: u64,
    pub routed_to: &'static str,
}

/// The acknowledgement of what needs no more said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Done {
    pub success: bool,
    #[schema(value_type = String)]
    pub chat_id: ChatId,
}

/// The acknowledgement of `chat-history`, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    pub success: bool,
    #[schema(value_type = String)]
    pub chat_id: ChatId,
    pub history: Vec<Value>,
    pub has_more: bool,
}

/// `replayed`, once a client has been sent what it had missed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReplayedEvent<'a> {
    #[schema(value_type = String)]
    pub chat_id: &'a ChatId,
    pub from: u64,
    pub to: u64,
    pub count: u64,
    pub gap: bool,
}

/// `authenticate`, when the client was let in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authenticated<'a> {
    success: bool,
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_guest: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    broadcast_only: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct User<'a> {
    email: &'a str,
    name: &'a str,
    role: &'static str,
}

/// The acknowledgement of an event that failed, and `authenticate` when the client was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Failure {
    success: bool,
    /// For programs.
    pub error: &'static str,
    /// For people.
    pub message: String,
}

/// `error`, for an event that could not be read.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorEvent<'a> {
    pub code: &'static str,
    pub message: &'a str,
    pub event: &'a str,
}

impl<'a> Authenticated<'a> {
    /// `chat_session_id` is told to customers only, and so is whether they are guests.
    pub fn new(identity: &'a Identity, chat_session_id: &'a str) -> Self {
        Self {
            success: true,
            user: User {
                email: &identity.email,
                name: identity.name.as_deref().unwrap_or(&identity.email),
                role: identity.role(),
            },
            chat_session_id: (identity.customer && !identity.viewer).then_some(chat_session_id),
            is_guest: identity.customer.then_some(identity.guest),
            broadcast_only: identity.viewer,
        }
    }
}

impl Failure {
    pub fn new(error: &'static str, message: impl Into<String>) -> Self {
        Self { success: false, error, message: message.into() }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    fn customer() -> Identity {
        Identity {
            org: "acme".into(),
            id: "c1".into(),
            email: "ann@x.io".into(),
            name: None,
            customer: true,
            guest: true,
            viewer: false,
            roles: vec![],
            expires_at_ms: None,
        }
    }

    #[test]
    fn authenticate_has_the_shape_of_the_contract() {
        let guest = customer();
        assert_eq!(
            to_value(Authenticated::new(&guest, "cs_1")).expect("json"),
            json!({"success": true, "chatSessionId": "cs_1", "isGuest": true,
                   "user": {"email": "ann@x.io", "name": "ann@x.io", "role": "customer"}})
        );
        let agent = Identity { customer: false, name: Some("Ann".into()), ..customer() };
        assert_eq!(
            to_value(Authenticated::new(&agent, "cs_1")).expect("json"),
            json!({"success": true, "user": {"email": "ann@x.io", "name": "Ann", "role": "agent"}})
        );
        assert_eq!(
            to_value(Failure::new("token_expired", "sign in again")).expect("json"),
            json!({"success": false, "error": "token_expired", "message": "sign in again"})
        );
    }
}
