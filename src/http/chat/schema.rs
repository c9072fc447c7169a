//! Bodies of the chapter, and what the API document says of them and of names in paths.

use appengine_actors::session::chat::message::{FileRef, MessageKind, MessageStatus};
use appengine_actors::session::desk::agent::Status;
use appengine_actors::session::person::Side;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

use crate::http::repository::schema::{Any, all_of, any_of, named, of, or_null, schemas, text};

/// Chats that are erased by one request at most.
pub const MOST_ERASED: usize = 100;

/// A chat's id, as a path has it.
pub fn chat_id() -> Any {
    let visible = r"[^\s\x00-\x1f\x7f-\x9f]";
    let any = r"[^\x00-\x1f\x7f-\x9f]*";
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(256));
    text.pattern(Some(format!("^{any}{visible}{any}$"))).into()
}

/// Chats that are to be erased together.
fn chat_ids() -> Any {
    ArrayBuilder::new().items(chat_id()).min_items(Some(1)).max_items(Some(MOST_ERASED)).into()
}

/// A queue's or a skill's name.
pub fn name() -> Any {
    text(r"^[^\x00-\x1f\x7f-\x9f]{1,100}$")
}

fn name_or_null() -> Any {
    or_null(name())
}

/// What a message says: a text, or an object. Its bound is one of bytes, which a schema cannot say.
fn content() -> Any {
    any_of([of(Type::String), of(Type::Object)])
}

fn content_or_null() -> Any {
    or_null(content())
}

/// Objects that have one of these fields.
fn one_given(fields: impl IntoIterator<Item = (&'static str, Any)>) -> Any {
    let given = |(name, schema)| ObjectBuilder::new().property(name, schema).required(name).into();
    any_of(fields.into_iter().map(given))
}

/// Content that says something.
fn words() -> Any {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"\S"));
    let fields = ObjectBuilder::new().schema_type(Type::Object).min_properties(Some(1));
    any_of([text.into(), fields.into()])
}

/// What is said has words, or files, or both.
fn says_something(message: Any) -> Any {
    let files = ArrayBuilder::new().min_items(Some(1));
    all_of([message, one_given([("content", words()), ("files", files.into())])])
}

/// What is changed is given.
fn changes_something(change: Any) -> Any {
    let status = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["delivered", "read"]));
    let content = ObjectBuilder::new().property("content", or_null(words()));
    all_of([change, content.into(), one_given([("content", words()), ("status", status.into())])])
}

schemas! {
    /// A message to be said: words, or files, or both.
    LiveMessageBody uses [LiveMessage] is says_something(named::<LiveMessage>()), like [
        {"content": "Your parcel is on its way.", "clientId": "parcel-1042"},
    ];

    /// A message that was said elsewhere: words, or files, or both.
    SavedMessageBody uses [SavedMessage] is says_something(named::<SavedMessage>()), like [{
        "from": "ann@example.com", "to": "bob@example.com", "content": "Hello", "type": "user",
        "senderRole": "customer", "sentTime": 1767225600000_u64,
    }];

    /// A change of a message: other words, or how far it has come, or both.
    MessageChangeBody uses [MessageChange] is changes_something(named::<MessageChange>()), like [
        {"messageId": "msg_01J0000000000000000000000A", "content": "Hello again"},
    ];
}

/// A message to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LiveMessage {
    /// What it says: a text, or an object, of up to 32 KiB as JSON.
    #[serde(default)]
    #[schema(schema_with = content_or_null)]
    pub content: Option<Value>,
    /// The same, as sockets call it.
    #[serde(default)]
    #[schema(ignore)]
    pub message: Option<Value>,
    /// Files that were uploaded before.
    #[serde(default)]
    #[schema(value_type = Vec<MessageFile>, max_items = 20)]
    pub files: Vec<FileRef>,
    /// The caller's own name for it: said again, it is the same message.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub client_id: Option<String>,
}

/// A file that was uploaded before.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct MessageFile {
    /// Its name.
    #[schema(max_length = 2048)]
    name: String,
    /// Where it is read.
    #[schema(max_length = 2048)]
    url: Option<String>,
    /// Where it is kept.
    #[schema(max_length = 2048)]
    path: Option<String>,
    /// What it is.
    #[schema(max_length = 2048)]
    mime_type: Option<String>,
}

/// A message that was said elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SavedMessage {
    /// Who said it.
    #[schema(format = Email, max_length = 254)]
    pub from: String,
    /// Their name, to be shown.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub from_name: Option<String>,
    /// To whom.
    #[serde(default)]
    #[schema(max_length = 254)]
    pub to: Option<String>,
    /// What it says: a text, or an object, of up to 32 KiB as JSON.
    #[serde(default)]
    #[schema(schema_with = content_or_null)]
    pub content: Option<Value>,
    /// Who said it, in kind.
    #[serde(default, rename = "type")]
    #[schema(value_type = Option<MessageKindName>)]
    pub kind: Option<MessageKind>,
    /// On which side they are; the customer's where the chat is named after them.
    #[serde(default)]
    #[schema(value_type = Option<ChatSide>)]
    pub sender_role: Option<Side>,
    /// When it was said, in milliseconds since 1970.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 4102444800000_u64)]
    pub sent_time: Option<u64>,
    /// Files that were uploaded before.
    #[serde(default)]
    #[schema(value_type = Vec<MessageFile>, max_items = 20)]
    pub files: Vec<FileRef>,
    /// The caller's own name for it: kept again, it is the same message.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub client_id: Option<String>,
}

/// Who says something, in kind.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
pub enum MessageKindName {
    /// A person.
    User,
    /// A program.
    System,
    /// An assistant.
    AiAssistant,
}

/// A side of a chat.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub enum ChatSide {
    /// The customer's.
    Customer,
    /// The staff's.
    Agent,
}

/// A change of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessageChange {
    /// Which one.
    #[schema(pattern = "^msg_[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    pub message_id: String,
    /// What it says now.
    #[serde(default)]
    #[schema(schema_with = content_or_null)]
    pub content: Option<Value>,
    /// How far it has come.
    #[serde(default)]
    #[schema(value_type = Option<MessageStatusName>)]
    pub status: Option<MessageStatus>,
}

/// How far a message has come.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub enum MessageStatusName {
    /// It is on the disk.
    Sent,
    /// A client of the other side has it.
    Delivered,
    /// Somebody there has read it.
    Read,
}

/// A message that was said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessageSent {
    /// True.
    pub success: bool,
    /// The message.
    pub message_id: String,
    /// Its chat.
    pub chat_id: String,
    /// Its number there.
    pub seq: u64,
    /// `agent` where somebody answers, else `queued`.
    pub routed_to: &'static str,
}

/// Messages.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is used")]
pub struct ChatHistoryReply {
    /// The messages, oldest first.
    #[schema(value_type = Vec<Object>)]
    data: Vec<Value>,
    /// Whether there are earlier ones.
    has_more: bool,
}

/// Chats that are to be erased.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({"sessionIds": ["customer::ann@example.com", "customer::bob@example.com"]})))]
pub struct ChatErasureBody {
    /// Which ones.
    #[schema(schema_with = chat_ids)]
    pub session_ids: Vec<String>,
}

/// What became of chats that were to be erased: each of them once, by its id as the server writes it.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatErasureReply {
    /// Those that are gone.
    pub deleted: Vec<String>,
    /// Those that are not.
    pub not_deleted: Vec<ChatKept>,
}

/// A chat that was not erased.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatKept {
    /// Which one.
    pub chat_id: String,
    /// Why.
    pub reason: ChatKeptReason,
}

/// Why a chat was not erased.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKeptReason {
    /// There is none with this id.
    NotFound,
    /// It is between two others of the staff.
    Forbidden,
    /// It waits in a queue: end it first.
    Waiting,
    /// Somebody answers in it: end it first.
    Answered,
}

/// Somebody of the staff, as a widget shows them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatProfile {
    /// Their address, as it was asked for.
    pub email: String,
    /// What to call them.
    pub name: String,
    /// Their picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The name that the widget gives them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_name: Option<String>,
    /// The line below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_line: Option<String>,
    /// Whether a client of theirs is connected.
    pub status: ChatProfileStatus,
}

/// Whether somebody is here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChatProfileStatus {
    /// They are.
    Online,
    /// They are not.
    Offline,
}

/// A chat that is to wait.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(examples(json!({
    "chatId": "customer::ann@example.com", "customerEmail": "ann@example.com", "customerName": "Ann",
    "queue": "sales", "skill": "french", "priority": 5, "context": {"page": "/pricing"},
})))]
pub struct ChatQueueBody {
    /// Which one.
    #[schema(schema_with = chat_id)]
    pub chat_id: String,
    /// The customer's address.
    #[schema(format = Email, max_length = 254)]
    pub customer_email: String,
    /// The customer's name.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub customer_name: Option<String>,
    /// The queue, `default` if not given.
    #[serde(default)]
    #[schema(schema_with = name_or_null)]
    pub queue: Option<String>,
    /// What whoever answers must know.
    #[serde(default)]
    #[schema(schema_with = name_or_null)]
    pub skill: Option<String>,
    /// Higher goes first.
    #[serde(default)]
    #[schema(minimum = -1000000, maximum = 1000000)]
    pub priority: Option<i64>,
    /// What else is known, for whoever answers and for flows.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub context: Option<Map<String, Value>>,
}

/// What somebody of the staff is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({"status": "away"})))]
pub struct AgentStatusBody {
    /// `online` is `available`.
    #[schema(value_type = AgentStatusName)]
    pub status: Status,
}

/// What somebody of the staff says of themselves.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
pub enum AgentStatusName {
    /// Takes chats.
    Available,
    /// The same.
    Online,
    /// Present, takes no more.
    Busy,
    /// Not at the desk.
    Away,
}
