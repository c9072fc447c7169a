//! Shapes of what sessions tell their hearers, which are encoded where they happen; and of words that other rooms own.
//! Every frame that a test's client hears is held against the document that is made of them.
#![expect(dead_code, reason = "only their schemas are used")]

use serde_json::Value;
use utoipa::ToSchema;

/// A file of a message.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct FileShape {
    /// Its name.
    name: String,
    /// Where it is read, for a while.
    url: Option<String>,
    /// Where it is kept.
    path: Option<String>,
    /// What it is.
    mime_type: Option<String>,
}

/// How far a message has come.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::gateway) enum MessageStatusShape {
    /// It is on the disk, and told.
    Sent,
    /// A client of the other side has it.
    Delivered,
    /// Somebody there has read it.
    Read,
}

/// What somebody of the staff says of themselves.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::gateway) enum AgentStatusShape {
    /// Takes chats.
    Available,
    /// The same.
    Online,
    /// Present, takes no more.
    Busy,
    /// Not at the desk.
    Away,
}

/// `message`, flat; the same stands in `data`, since clients read either.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct Message {
    /// Its id, by each of its names.
    sk: String,
    id: String,
    message_id: String,
    /// Its chat.
    chat_id: String,
    /// Its number there.
    #[schema(minimum = 1)]
    seq: u64,
    /// Who says it.
    from: String,
    from_name: String,
    /// To whom in particular.
    to: Option<String>,
    /// What it says, by both of its names: a text or an object.
    content: Value,
    message: Value,
    /// `user`, `system` or `ai-assistant`.
    #[schema(pattern = "^(user|system|ai-assistant)$")]
    r#type: String,
    status: MessageStatusShape,
    /// `customer`, `agent` or `system`.
    #[schema(pattern = "^(customer|agent|system)$")]
    sender_role: String,
    /// Milliseconds since 1970.
    sent_time: u64,
    /// ISO 8601.
    timestamp: String,
    createdate: String,
    files: Vec<FileShape>,
    data: Value,
}

/// `update`: a message was received or read, or says something else.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct Update {
    uid: String,
    message_id: String,
    chat_id: String,
    status: MessageStatusShape,
    from: String,
    to: String,
    /// What it says now, where that has changed.
    #[schema(required = false)]
    content: Value,
    #[schema(required = false)]
    edited_time: Option<u64>,
}

/// `queued` and `queue-update`: where a customer's chat waits.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct Queued {
    chat_id: String,
    queue: String,
    #[schema(minimum = 1)]
    position: u64,
    ahead: u64,
    /// Left out while nobody is available.
    #[schema(required = false)]
    estimated_wait_seconds: u64,
    /// For the customer to read.
    message: String,
    /// Whether the queue is closed, or nobody is there.
    offline: bool,
}

/// `queue-notification`: a chat waits, for the staff.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct QueueNotification {
    chat_id: String,
    customer_email: String,
    customer_name: String,
    queue: String,
    skill: Option<String>,
    priority: i64,
    #[schema(minimum = 1)]
    position: u64,
    ahead: u64,
    #[schema(required = false)]
    estimated_wait_seconds: u64,
    enqueued_at: String,
    /// What was said with an assistant before, where one answered.
    summary: Option<String>,
}

/// `chat-stream`: a piece of an assistant's answer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct ChatStream {
    chat_id: String,
    /// The customer's message that it answers.
    message_id: String,
    /// `chunk`, `tool-use`, `tool-result`, `end` or `error`.
    #[schema(pattern = "^(chunk|tool-use|tool-result|end|error)$")]
    event: String,
    /// Words of a `chunk`; `{id, name, input}` of a `tool-use`; `{id, name, output, isError}` of a `tool-result`.
    #[schema(required = false)]
    data: Value,
    /// Where the words of a `chunk` begin in the answer, in UTF-16 units: whoever comes in the middle is first told all of it,
    /// from 0.
    #[schema(required = false)]
    offset: u64,
    /// The message that the answer has become, with an `end` or an `error`; none where it said nothing.
    #[schema(required = false)]
    sk: Option<String>,
    /// Why it ended: `stop`, `length`, `stopped` …
    #[schema(required = false)]
    finish_reason: String,
    /// Why it broke off, in words; and the kind of it.
    #[schema(required = false)]
    error: String,
    #[schema(required = false)]
    code: String,
}

/// `agent-assigned`: somebody answers.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct AgentAssigned {
    chat_id: String,
    agent: AgentShape,
    customer_email: String,
    customer_name: String,
}

/// One of the staff.
#[derive(ToSchema)]
pub(in crate::gateway) struct AgentShape {
    email: String,
    name: String,
}

/// `agent-changed`: somebody else answers.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct AgentChanged {
    chat_id: String,
    new_agent: String,
    new_agent_name: String,
}

/// `chat-transferred`: to somebody, or to a queue.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct ChatTransferred {
    chat_id: String,
    from_agent: String,
    to_agent: Option<String>,
    queue: Option<String>,
    skill: Option<String>,
    note: Option<String>,
}

/// `chat-ended`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct ChatEnded {
    chat_id: String,
    reason: String,
    by: String,
}

/// `presence-change` on `/chat`.
#[derive(ToSchema)]
pub(in crate::gateway) struct PresenceChange {
    email: String,
    name: String,
    /// `agent` or `customer`.
    #[schema(pattern = "^(agent|customer)$")]
    role: String,
    /// Of the staff what they chose, or `offline`; of customers `online` or `offline`.
    #[schema(pattern = "^(available|busy|away|online|offline)$")]
    status: String,
    online: bool,
}

/// `presence-change` on `/community-chat`.
#[derive(ToSchema)]
pub(in crate::gateway) struct CommunityPresence {
    email: String,
    #[schema(pattern = "^(agent|customer)$")]
    role: String,
    #[schema(pattern = "^(online|offline)$")]
    status: String,
}

/// `newMessage` and `groupMessage`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct CommunityMessage {
    conversation_id: String,
    /// Of a group's.
    #[schema(required = false)]
    group_id: String,
    message_id: String,
    #[schema(minimum = 1)]
    seq: u64,
    from: String,
    sender_role: String,
    content: String,
    content_type: String,
}

/// What happened to a message of a community: `messageUpdated`, `messageDeleted` and `reaction`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct CommunityChange {
    conversation_id: String,
    #[schema(required = false)]
    group_id: String,
    message_id: String,
    #[schema(minimum = 1)]
    seq: u64,
    by: String,
    at: String,
}

/// What happened to a group: `memberJoined`, `memberLeft`, `memberMuted` and `groupUpdated`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct GroupChange {
    conversation_id: String,
    group_id: String,
    #[schema(minimum = 1)]
    seq: u64,
    by: String,
    at: String,
}

/// `messageRead`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct MessageRead {
    conversation_id: String,
    #[schema(required = false)]
    group_id: String,
    by: String,
    last_seq: u64,
    message_ids: Vec<String>,
    read_at: String,
}

/// `typing` of a community.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(in crate::gateway) struct CommunityTyping {
    conversation_id: String,
    #[schema(required = false)]
    group_id: String,
    from: String,
    name: String,
    sender_role: String,
    is_typing: bool,
}
