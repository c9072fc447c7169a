//! What a conversation tells its hearers (contract §5.4).

use serde_json::{Value, json};

use super::decision::{Moved, Outcome};
use super::id::ChatId;
use super::message::Message;
use super::model::Chat;
use crate::clock::Timestamp;
use crate::ids::{MessageId, OrgId};
use crate::ports::FileLinks;
use crate::session::person::Person;
use crate::session::seat::Frame;
use crate::store::StoreError;

/// A message.
///
/// # Errors
/// As [`Frame::of`].
pub fn message(message: &Message, org: &OrgId, links: &dyn FileLinks) -> Result<Frame, StoreError> {
    Frame::of("message", &message.readable(org, links).told())
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

/// A message says something else now.
///
/// # Errors
/// As [`Frame::of`].
pub fn reworded(message: &Message, by: &Person) -> Result<Frame, StoreError> {
    let update = json!({
        "uid": message.id, "messageId": message.id, "chatId": message.chat_id, "seq": message.seq,
        "status": message.status, "content": message.content, "message": message.content,
        "editedTime": message.edited.map(Timestamp::as_millis), "from": by.email, "to": message.from,
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

/// Who answers now, for everybody in the conversation; nothing where it is over, or waits: then its desk says where.
#[must_use]
pub fn moved(Moved { before, chat, decision, .. }: &Moved) -> Vec<Result<Frame, StoreError>> {
    let mut frames = Vec::new();
    let from = before.agent().map(|agent| &agent.email);
    if from.is_some() && decision.outcome != Outcome::Ended {
        let place = decision.place.as_ref();
        let told = json!({
            "chatId": chat.id, "fromAgent": from, "toAgent": decision.agent, "note": decision.note,
            "queue": place.map(|place| &place.queue), "skill": place.and_then(|place| place.skill.as_ref()),
        });
        frames.push(Frame::of("chat-transferred", &told));
    }
    let Some(agent) = chat.handling.agent() else { return frames };
    if from.is_some() {
        let told = json!({"chatId": chat.id, "newAgent": agent.email, "newAgentName": agent.name});
        frames.push(Frame::of("agent-changed", &told));
    } else {
        frames.push(assigned(chat, agent));
    }
    frames
}

/// A piece of an assistant's answer, under the message that it answers.
///
/// # Errors
/// As [`Frame::of`].
pub fn streamed(
    chat: &ChatId,
    to: MessageId,
    event: &'static str,
    fields: Value,
) -> Result<Frame, StoreError> {
    let mut told = json!({"chatId": chat, "messageId": to, "event": event});
    if let (Some(told), Value::Object(fields)) = (told.as_object_mut(), fields) {
        told.extend(fields);
    }
    Frame::of("chat-stream", &told)
}

/// Somebody answers.
///
/// # Errors
/// As [`Frame::of`].
pub fn assigned(chat: &Chat, agent: &Person) -> Result<Frame, StoreError> {
    let (email, name) = chat.customer_is();
    let told = json!({
        "chatId": chat.id, "agent": {"email": agent.email, "name": agent.name},
        "customerEmail": email, "customerName": name,
    });
    Frame::of("agent-assigned", &told)
}
