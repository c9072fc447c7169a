//! What a conversation tells those who hear it (contract §6).

use serde_json::{Map, Value, json};

use super::entry::{Deed, Happened};
use super::id::{Between, ConversationId};
use super::who::{self, Handle};
use super::wish::Mark;
use crate::ids::OrgId;
use crate::session::person::Person;
use crate::session::seat::Frame;
use crate::store::StoreError;

/// Where it happens, as every event says it.
fn at(conversation: &ConversationId) -> Map<String, Value> {
    let mut fields = Map::new();
    if let Between::Group(id) = conversation.between() {
        fields.insert("groupId".to_owned(), json!(id));
    }
    fields.insert("conversationId".to_owned(), json!(conversation));
    fields
}

fn frame(
    event: &'static str,
    conversation: &ConversationId,
    more: Value,
    by: Option<&Person>,
    org: &OrgId,
) -> Result<Frame, StoreError> {
    let mut fields = at(conversation);
    if let Value::Object(more) = more {
        fields.extend(more);
    }
    let frame = Frame::of(event, &fields)?;
    Ok(match by {
        Some(by) => frame.by(Handle::of(by).address(org)),
        None => frame,
    })
}

/// What those who hear it are told of something that happened; none where it is about a message that is no longer kept.
///
/// # Errors
/// As [`Frame::of`].
pub fn happened(
    org: &OrgId,
    conversation: &ConversationId,
    happened: &Happened,
) -> Result<Option<Frame>, StoreError> {
    let Happened { entry, message, group } = happened;
    if entry.message().is_some() && message.is_none() {
        return Ok(None);
    }
    let by = &entry.by;
    // What somebody says is theirs, and so are their feelings: whoever blocks them hears neither. Who is in a group is
    // everybody's matter.
    let say = |event, more| frame(event, conversation, more, Some(by), org);
    let tell = |event, more| frame(event, conversation, more, None, org);
    let head = |rest: Value| {
        let mut fields = json!({"seq": entry.seq, "by": by.email, "at": entry.at});
        if let (Some(fields), Value::Object(rest)) = (fields.as_object_mut(), rest) {
            fields.extend(rest);
        }
        fields
    };
    let message = message.as_ref();
    let id = message.map(|message| message.id);
    let frame = match &entry.deed {
        Deed::Said => {
            let event = if conversation.as_group().is_some() { "groupMessage" } else { "newMessage" };
            let mut told = message.map(super::message::Message::told).unwrap_or_default();
            if let Some(fields) = told.as_object_mut() {
                fields.insert("seq".to_owned(), json!(entry.seq));
            }
            say(event, told)
        }
        Deed::Edited { .. } => {
            let content = message.map(|message| &message.content);
            let edited = message.and_then(|message| message.edited);
            let told = message.map(super::message::Message::told);
            say(
                "messageUpdated",
                head(json!({"messageId": id, "content": content, "editedAt": edited, "message": told})),
            )
        }
        Deed::Deleted { .. } => {
            let sender = message.map(|message| &message.from.email);
            say("messageDeleted", head(json!({"messageId": id, "from": sender, "deletedAt": entry.at})))
        }
        Deed::Reacted { kind, added, .. } => {
            let action = if *added { "added" } else { "removed" };
            let all = message.map(super::message::Message::feelings);
            let told = json!({"messageId": id, "type": kind, "action": action, "reactions": all});
            say("reaction", head(told))
        }
        Deed::Joined { member } => tell("memberJoined", head(json!({"member": member.told(entry.at)}))),
        Deed::Left { member, removed } => {
            tell("memberLeft", head(json!({"member": who::told(member), "removed": removed})))
        }
        Deed::Muted { member, muted } => {
            let until = muted.and_then(|muted| muted.until);
            let told = json!({"member": who::told(member), "muted": muted.is_some(), "until": until});
            tell("memberMuted", head(told))
        }
        Deed::Promoted { member, role } => {
            let mut told = who::told(member);
            if let Some(fields) = told.as_object_mut() {
                fields.insert("role".to_owned(), json!(role));
                fields.insert("senderRole".to_owned(), json!(member.side.name()));
            }
            tell("groupUpdated", head(json!({"action": "updated", "changed": ["members"], "member": told})))
        }
        Deed::Founded | Deed::Updated { .. } => {
            let (action, changed) = match &entry.deed {
                Deed::Updated { changed } => ("updated", changed.as_slice()),
                _ => ("created", [].as_slice()),
            };
            let group = group.as_ref().map(|(group, members)| group.told(*members));
            tell("groupUpdated", head(json!({"action": action, "changed": changed, "group": group})))
        }
    };
    frame.map(Some)
}

/// How far somebody has read.
///
/// # Errors
/// As [`Frame::of`].
pub fn read(
    org: &OrgId,
    conversation: &ConversationId,
    by: &Person,
    mark: &Mark,
    ids: &[crate::ids::MessageId],
) -> Result<Frame, StoreError> {
    let told = json!({
        "by": by.email, "reader": who::told(by), "lastSeq": mark.seq, "messageIds": ids, "readAt": mark.at,
    });
    frame("messageRead", conversation, told, Some(by), org)
}

/// Somebody writes, or has stopped.
///
/// # Errors
/// As [`Frame::of`].
pub fn typing(
    org: &OrgId,
    conversation: &ConversationId,
    by: &Person,
    is_typing: bool,
) -> Result<Frame, StoreError> {
    let told =
        json!({"from": by.email, "name": by.name, "senderRole": by.side.name(), "isTyping": is_typing});
    frame("typing", conversation, told, Some(by), org)
}

/// Somebody is here, or no longer.
///
/// # Errors
/// As [`Frame::of`].
pub fn presence(org: &OrgId, handle: &Handle, is_here: bool) -> Result<Frame, StoreError> {
    let frame = Frame::of("presence-change", &presence_of(handle, is_here))?;
    Ok(frame.by(handle.address(org)))
}

/// The same as an answer has it.
#[must_use]
pub fn presence_of(handle: &Handle, is_here: bool) -> Value {
    let status = if is_here { "online" } else { "offline" };
    json!({"email": handle.email(), "role": handle.side().name(), "status": status})
}
