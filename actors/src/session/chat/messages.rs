//! What a conversation hears.

use std::sync::Arc;

use actix::Message as ActixMessage;
use serde_json::Value;

use super::decision::{Outrun, Route};
use super::erasure::Erasure;
use super::message::{Message, MessageDraft, MessageStatus};
use super::model::Chat;
use super::state::Busy;
use crate::bus::change::ChangeError;
use crate::session::person::Person;
pub use crate::session::replay::Replayed;
use crate::session::seat::Seat;
use crate::store::StoreError;

/// Why something was not done in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Too much waits for the disk.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// It could not be written.
    #[error("say something: {0}")]
    Change(#[from] ChangeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something else was decided about it first.
    #[error(transparent)]
    Outrun(#[from] Outrun),
    /// There is no such message in it.
    #[error("find the message: this chat has none with that id")]
    NoMessage,
}

/// Says something. Answered once it is on the disk, and told to everybody; the same draft again is said once.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Said, ChatError>")]
pub struct Say(pub MessageDraft);

/// What became of something that was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The message, with its number.
    pub message: Message,
    /// The conversation.
    pub chat: Chat,
}

/// Takes a step. Answered with the conversation once that is on the disk, and told to everybody.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Chat, ChatError>")]
pub struct Take(pub Route);

/// Erases the conversation for good, unless the staff has to do with it. Answered once nothing of it is on the disk but
/// the numbers that it had reached; asked again, it goes on where it was.
#[derive(Debug, Clone, Copy, ActixMessage)]
#[rtype(result = "Result<Erasure, ChatError>")]
pub struct Erase;

/// Has the assistant of a widget greet, where nothing was said yet.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<(), ChatError>")]
pub struct Greet {
    /// The configuration of the widget.
    pub config_id: String,
}

/// Has a client hear the conversation from now on, and what it has missed before.
#[derive(Clone, ActixMessage)]
#[rtype(result = "Result<Replayed, ChatError>")]
pub struct Attach {
    /// The client.
    pub seat: Arc<dyn Seat>,
    /// The number of the last message that it has; none for a client that has nothing and wants nothing repeated.
    pub since: Option<u64>,
}

/// Says how far a message has come; told to everybody. Answered with the message, changed or not.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Message, ChatError>")]
pub struct Mark {
    /// Its number.
    pub seq: u64,
    /// How far it has come.
    pub status: MessageStatus,
    /// Who says so.
    pub by: Person,
}

/// Changes what a message says; told to everybody, and an event. Answered with the message.
#[derive(Debug, Clone, ActixMessage)]
#[rtype(result = "Result<Message, ChatError>")]
pub struct Reword {
    /// Its number.
    pub seq: u64,
    /// What it says now.
    pub content: Value,
    /// Who wants it.
    pub by: Person,
}
