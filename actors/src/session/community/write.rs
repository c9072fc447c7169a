//! What a plan is in the store: one change, with the events that tell of it.

use serde_json::{Map, Value, json};

use super::conversation::Conversation;
use super::entry::{Deed, Happened};
use super::group::Openness;
use super::message::Message;
use super::plan::Plan;
use super::{notice, who};
use crate::bus::change::Change;
use crate::event::{EventDraft, EventKind, EventKindError};
use crate::ids::{EventId, MessageId};
use crate::keys;
use crate::store::{Expect, StoreError, encode};

/// The change that a plan is.
pub(super) fn change(plan: &Plan) -> Result<Change, StoreError> {
    let mut change = Change::default();
    let (org, id) = (&plan.org, plan.id.as_str());
    if let Some(first) = plan.happened.first() {
        change.extra.expect(keys::community_entry(org, id, first.entry.seq), Expect::Absent);
    }
    for happened in &plan.happened {
        let entry = &happened.entry;
        change.extra.insert(keys::community_entry(org, id, entry.seq), encode(entry)?);
        change.extra.insert(keys::community_place(org, entry.id), encode(&(&plan.id, entry.seq))?);
        change.events.extend(event(plan, happened)?);
    }
    for seq in &plan.messages {
        let Some(message) = plan.found.messages.get(seq) else { continue };
        let key = keys::community_message(org, id, *seq);
        let is_new = plan.happened.iter().any(|done| done.entry.seq == *seq && done.entry.deed == Deed::Said);
        if !is_new {
            // One that was removed meanwhile, because it is too old, does not come back.
            change.extra.expect(key.clone(), Expect::Present);
        }
        change.extra.put(key, encode(message)?);
        if is_new {
            if let Some(reply) = message.reply_to {
                change.extra.insert(keys::community_reply(org, id, reply.seq, *seq), Vec::new());
            }
            if let Some(client_id) = &message.client_id {
                let from = who::Handle::of(&message.from);
                change.extra.put(keys::community_called(org, id, from.as_str(), client_id), encode(seq)?);
            }
        }
    }
    for (seq, person) in &plan.mentions {
        let Some(message) = plan.found.messages.get(seq) else { continue };
        let mut data = message.in_event();
        if let Some(fields) = data.as_object_mut() {
            fields.insert("mentioned".to_owned(), json!(person.email));
            fields.insert("mentionedId".to_owned(), json!(person.id));
        }
        change.events.push(draft(EventId::new(plan.now), "community.mention", data)?);
    }
    for (who, member) in &plan.members {
        let place = keys::community_of(org, who.as_str(), plan.id.sort(), id);
        let key = keys::community_member(org, id, who.as_str());
        match member {
            Some(member) => change.extra.put(key, encode(member)?).put(place, Vec::new()),
            None => change.extra.delete(key).delete(place),
        };
    }
    for (who, reading) in &plan.marks {
        change.extra.put(keys::community_mark(org, id, who.as_str()), encode(&reading.mark)?);
    }
    if let Some(conversation) = plan.conversation.as_ref().filter(|_| !plan.happened.is_empty()) {
        change.extra.put(keys::community(org, id), encode(&conversation.head)?);
        lists(plan, conversation, &mut change);
    }
    notice::write(plan, &mut change)?;
    Ok(change)
}

/// Where a group is found.
fn lists(plan: &Plan, conversation: &Conversation, change: &mut Change) {
    let Some(group) = &conversation.head.group else { return };
    let is_about = |done: &Happened| matches!(done.entry.deed, Deed::Founded | Deed::Updated { .. });
    if !plan.happened.iter().any(is_about) {
        return;
    }
    change.extra.put(keys::group(&plan.org, false, group.id), Vec::new());
    let open = keys::group(&plan.org, true, group.id);
    if group.openness == Openness::Public && !conversation.is_archived() {
        change.extra.put(open, Vec::new());
    } else {
        change.extra.delete(open);
    }
}

/// The event that tells of something; feelings are told to those who are there only.
fn event(plan: &Plan, happened: &Happened) -> Result<Option<EventDraft>, StoreError> {
    let entry = &happened.entry;
    let message = || happened.message.as_ref().map(Message::in_event).unwrap_or_default();
    let group = |rest: Value| {
        let mut fields = Map::new();
        fields.insert("groupId".to_owned(), json!(plan.id.as_group()));
        fields.insert("by".to_owned(), json!(entry.by.email));
        if let Value::Object(rest) = rest {
            fields.extend(rest);
        }
        Value::Object(fields)
    };
    let told = || happened.group.as_ref().map(|(group, members)| group.told(*members));
    let (kind, data) = match &entry.deed {
        Deed::Said => ("community.message.created", message()),
        Deed::Edited { .. } => ("community.message.updated", message()),
        Deed::Deleted { .. } => ("community.message.deleted", message()),
        Deed::Founded => ("community.group.created", group(json!({"group": told()}))),
        Deed::Updated { changed } => {
            ("community.group.updated", group(json!({"group": told(), "changed": changed})))
        }
        Deed::Joined { member } => {
            ("community.member.joined", group(json!({"member": member.told(entry.at)})))
        }
        Deed::Left { member, removed } => {
            ("community.member.left", group(json!({"member": who::told(member), "removed": removed})))
        }
        Deed::Reacted { .. } | Deed::Muted { .. } | Deed::Promoted { .. } => return Ok(None),
    };
    Ok(Some(draft(event_id(entry.id), kind, data)?))
}

/// An event with the id of what it tells of, so that the same again is noticed.
fn event_id(id: MessageId) -> EventId {
    EventId::from_bytes(id.to_bytes())
}

fn draft(id: EventId, kind: &str, data: Value) -> Result<EventDraft, StoreError> {
    let kind =
        EventKind::new(kind).map_err(|error: EventKindError| StoreError::Corrupt(error.to_string()))?;
    Ok(EventDraft { id, kind, data, occurred_at: None })
}
