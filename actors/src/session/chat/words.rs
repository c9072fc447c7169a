//! What a conversation tells its hearers (contract §5.4).

use serde_json::json;

use super::message::Message;
use crate::session::person::Person;
use crate::session::seat::Frame;
use crate::store::StoreError;

/// A message.
///
/// # Errors
/// As [`Frame::of`].
pub fn message(message: &Message) -> Result<Frame, StoreError> {
    Frame::of("message", &message.told())
}

/// How far a message has come, as somebody of the other side says.
///
/// # Errors
/// As [`Frame::of`].
pub fn update(message: &Message, by: &Person) -> Result<Frame, StoreError> {
    let update = json!({
        "uid": message.id, "messageId": message.id, "chatId": message.chat_id, "status": message.status,
        "from": by.email, "to": message.from,
    });
    Frame::of("update", &update)
}

/// The conversation is over.
///
/// # Errors
/// As [`Frame::of`].
pub fn ended(message: &Message) -> Result<Frame, StoreError> {
    Frame::of("chat-ended", &json!({"chatId": message.chat_id, "reason": message.ends, "by": message.from}))
}
